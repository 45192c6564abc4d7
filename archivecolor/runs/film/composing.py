"""Frames of a film's result, of luma and of chroma that is laid beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from av.video.frame import VideoFrame

from archivecolor.chroma.frame_merge import Lay, evened, laid, merged
from archivecolor.chroma.picture import Picture
from archivecolor.chroma.planes import ChromaGrid, chroma_beside
from archivecolor.color import FloatArray, UIntArray
from archivecolor.film.changes import luma_in
from archivecolor.film.codes import convert_luma
from archivecolor.film.encoding import Encoding
from archivecolor.film.form import PictureForm, make_frame, make_rgb
from archivecolor.film.laid import ChromaPlanes, FrameColors


@dataclass(frozen=True, slots=True)
class Composer:
    """Makes frames as one encoding takes them."""

    form: PictureForm
    """The film's."""
    encoding: Encoding
    side_by_side: bool
    chroma_only: bool
    """Lay chroma beside luma of an even gray."""

    def laid(self, picture: Picture, chroma: FrameColors | ChromaPlanes) -> VideoFrame:
        """A picture with chroma that is there already."""
        if self.encoding.rgb:
            return self._rgb(picture, laid(chroma))
        luma, grid = self._luma(picture), self._grid
        found = chroma if isinstance(chroma, ChromaPlanes) else chroma.planes(self.form)
        cb, cr = found.codes(grid.size(*luma.shape), grid.depth, full=grid.full_range)
        planes = [luma, cb, cr] if picture.alpha is None else [luma, cb, cr, picture.alpha]
        return make_frame(self.encoding.pixel_format, planes, picture.beside)

    def composed(self, picture: Picture, ab: FloatArray) -> VideoFrame:
        """A picture with small ``[h, w, 2]`` a*, b*, rows as stored."""
        if self.encoding.rgb:
            return self._rgb(picture, evened(merged(ab)) if self.chroma_only else merged(ab))
        luma, grid = self._luma(picture), self._grid
        cb, cr = chroma_beside(luma, ab, grid, interlaced=picture.interlaced)
        if self.chroma_only:
            luma = np.full_like(luma, 1 << (grid.depth - 1))
        planes = [luma, cb, cr] if picture.alpha is None else [luma, cb, cr, picture.alpha]
        if self.side_by_side:
            gray = grid.neutral(*luma.shape)
            left = [luma, gray, gray, *planes[3:]]
            planes = [self._beside(one, other) for one, other in zip(left, planes, strict=True)]
        return make_frame(self.encoding.pixel_format, planes, picture.beside)

    @property
    def _grid(self) -> ChromaGrid:
        encoding = self.encoding
        return ChromaGrid(encoding.depth, encoding.full_range, encoding.shift, self.form.weights)

    def _luma(self, picture: Picture) -> UIntArray:
        grid, form = self._grid, self.form
        luma = convert_luma(picture.luma, (form.depth, form.full_range), (grid.depth, grid.full_range))
        across, down = self.encoding.padding
        return np.pad(luma, ((0, down), (0, across)), mode="edge") if across or down else luma

    def _rgb(self, picture: Picture, lay: Lay) -> VideoFrame:
        form = replace(self.form, depth=self.encoding.depth, full_range=True)
        rgb = np.concatenate([*lay(luma_in(picture.luma, self.form, form), form)])
        return make_rgb(self.encoding.pixel_format, rgb, picture.beside)

    def _beside(self, left: UIntArray, right: UIntArray) -> UIntArray:
        """Two stored planes as one whose upright halves are beside each other."""
        turn = self.form.orientation
        upright = np.concatenate((turn.to_upright(left), turn.to_upright(right)), axis=1)
        return np.asarray(turn.to_stored(upright))
