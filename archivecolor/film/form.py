"""The form of a film's picture: sample depth and range, matrix, subsampling, orientation; frames <-> planes.

Invariant: `luma_plane` and `make_frame` carry luma samples from one frame to the other as integers. At equal depth and
range they are the same integers; a deeper frame holds them shifted (limited range) or scaled (full range), from which
the source's come back exactly; only a shallower or narrower frame rounds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from archivecolor.color import UIntArray, luma_of
from archivecolor.errors import InputError
from archivecolor.film.display_matrix import matrix_in, orientation_of
from archivecolor.film.hdr import Hdr, hdr_of
from archivecolor.film.scale import DISPLAY_DEPTH, Scale, displayed
from archivecolor.film.scaler import reformatted
from archivecolor.film.side_data import carried, side_data
from archivecolor.frames import Orientation

UNSPECIFIED: Final = 2
_LIMITED, _FULL = 1, 2
_FIELD_ORDERS = {2: "tff", 3: "bff", 4: "tff", 5: "bff"}
"""AVFieldOrder; the last two are coded one way and shown the other."""

# Kr and Kb of ITU-T H.273, table 4
_WEIGHTS: Final = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
_MATRIX_NAMES: Final = {1: "BT.709", 4: "FCC", 7: "SMPTE 240M", 9: "BT.2020", 10: "BT.2020 (constant luminance)"}
"""For people; the others are BT.601."""
_BT709, _SMPTE170M = 1, 6
_HD_HEIGHT = 720
"""Pictures of at least this height are BT.709 where nothing is said, as players assume."""

_RANGE_IN_STANDARD = {"h264", "hevc", "av1", "vp8", "vp9", "mpeg1video", "mpeg2video", "mpeg4", "prores", "dvvideo"}
"""Codecs whose gray is limited range unless they say otherwise. Elsewhere gray is full range."""

_RGB_DEPTHS: Final = {8, 9, 10, 12, 14, 16}


@dataclass(frozen=True, slots=True)
class PictureForm:
    """How a film's luma is stored and what its tags say. Codes are those of ITU-T H.273."""

    width: int
    height: int
    depth: int
    """Bits of a luma sample."""
    full_range: bool
    matrix: int
    """Never unspecified: chroma is written with it."""
    primaries: int
    transfer: int
    chroma_shift: tuple[int, int]
    """log2 of luma samples per chroma sample, across and down; (1, 1) where the source has no chroma."""
    sample_aspect: Fraction | None
    field_order: int
    """AVFieldOrder."""
    display_matrix: tuple[int, ...] | None
    """Nine integers in FFmpeg's layout."""
    pixel_format: str
    converted: bool
    """Whether the source has no plane of luma, so that one is computed."""
    hdr: Hdr | None = None
    scale: Scale = Scale.DISPLAY
    """What the codes of luma measure; of scans it may be density or light."""

    def as_shown(self, luma: UIntArray) -> tuple[UIntArray, int]:
        """Luma as a display shows it, and the depth of its codes."""
        if self.scale is Scale.DISPLAY:
            return luma, self.depth
        return displayed(luma, self.depth, self.scale), DISPLAY_DEPTH

    @property
    def is_rgb(self) -> bool:
        """Whether the source is RGB of whole numbers, without opacity, whose luma is exact as that of stills is."""
        return _plain_rgb(av.VideoFormat(self.pixel_format, 16, 16)) is not None

    @property
    def has_alpha(self) -> bool:
        """Whether the source has a plane of opacity."""
        return len(av.VideoFormat(self.pixel_format, 16, 16).components) in (2, 4)

    @property
    def has_no_chroma(self) -> bool:
        """Whether the source is gray."""
        return len(av.VideoFormat(self.pixel_format, 16, 16).components) < 3

    @property
    def summary(self) -> str:
        """For people: '720 x 576, 8 bit (yuv420p, limited range, BT.601)'."""
        size, limits = f"{self.width} x {self.height}", "full" if self.full_range else "limited"
        return f"{size}, {self.depth} bit ({self.pixel_format}, {limits} range, {self.matrix_name})"

    @property
    def matrix_name(self) -> str:
        """For people: 'BT.709'."""
        return _MATRIX_NAMES.get(self.matrix, "BT.601")

    @property
    def weights(self) -> tuple[float, float]:
        """Kr and Kb."""
        return _WEIGHTS.get(self.matrix, _WEIGHTS[_SMPTE170M])

    @property
    def parity(self) -> str | None:
        """'tff' or 'bff' of interlaced film, None of progressive."""
        return _FIELD_ORDERS.get(self.field_order)

    @property
    def orientation(self) -> Orientation:
        """How the stored picture is to be turned upright."""
        return orientation_of(self.display_matrix)

    @property
    def shown(self) -> tuple[int, int]:
        """Height and width of the upright picture, in square pixels."""
        width = max(1, round(self.width * (self.sample_aspect or 1)))
        return (width, self.height) if self.orientation.swaps_sides else (self.height, width)


def form_of(stream: VideoStream, frame: VideoFrame) -> PictureForm:
    """Read the form off a film's first decoded frame. Raises `InputError` for pictures that are none."""
    if frame.width < 1 or frame.height < 1:
        raise InputError(f"the picture is {frame.width} x {frame.height}")
    context = stream.codec_context
    plain = _plain_format(frame.format)
    name = plain or frame.format.name
    components = av.VideoFormat(name, frame.width, frame.height).components
    gray, rgb = len(components) < 3, _plain_rgb(frame.format) is not None
    if rgb:
        full = True
    elif frame.color_range in (_LIMITED, _FULL):
        full = frame.color_range == _FULL
    else:
        full = name.startswith("yuvj") or (gray and context.name not in _RANGE_IN_STANDARD)
    shift = (1, 1)
    if not gray and not frame.format.is_rgb:
        chroma = components[1]
        shift = (_log2_ratio(frame.width, chroma.width), _log2_ratio(frame.height, chroma.height))
    matrix = _SMPTE170M if rgb else frame.colorspace  # what `luma_of` has
    if matrix not in _WEIGHTS:
        matrix = _BT709 if frame.height >= _HD_HEIGHT else _SMPTE170M
    aspect = stream.sample_aspect_ratio
    beside = side_data(frame)
    return PictureForm(
        width=frame.width,
        height=frame.height,
        depth=components[0].bits,
        full_range=full,
        matrix=matrix,
        primaries=frame.color_primaries,
        transfer=frame.color_trc,
        chroma_shift=shift,
        sample_aspect=aspect if aspect and aspect != 1 else None,
        field_order=context.field_order,
        display_matrix=matrix_in(beside),
        pixel_format=frame.format.name,
        converted=plain is not None and _has_no_luma(frame.format),
        hdr=hdr_of(beside),
    )


def luma_plane(frame: VideoFrame) -> UIntArray:
    """The luma samples ``[h, w]`` of a decoded frame, uint8 or uint16: its own where it has a plane of them.

    A copy: decoders use their frames again.
    """
    return luma_view(frame).copy()


def luma_view(frame: VideoFrame) -> UIntArray:
    """As `luma_plane`, but only good until the next frame is decoded."""
    plain = _plain_format(frame.format)
    if plain is not None:
        frame = reformatted(frame, pixel_format=plain)
    if frame.format.is_rgb:
        return luma_of(_samples(frame))
    depth = frame.format.components[0].bits
    plane = _view(frame, 0)
    if frame.format.name.startswith(("p0", "p2", "p4")):  # samples in the high bits
        return np.asarray(plane >> (16 - depth), dtype=np.uint16)
    return np.asarray(plane)


def chroma_planes(frame: VideoFrame) -> tuple[UIntArray, UIntArray] | None:
    """Cb and Cr as 8-bit ``[h, w]``, each full size; None where the frame has no chroma."""
    if len(frame.format.components) < 3 and not frame.format.has_palette:
        return None
    planar = reformatted(frame, pixel_format="yuv444p")
    return _view(planar, 1).copy(), _view(planar, 2).copy()


def rgb_samples(frame: VideoFrame) -> UIntArray:
    """The samples ``[h, w, 3]`` of a frame whose form `is_rgb`."""
    return _samples(reformatted(frame, pixel_format=_plain_rgb(frame.format)))


def make_rgb(pixel_format: str, rgb: UIntArray, beside: VideoFrame | None = None) -> VideoFrame:
    """As `make_frame`, of planar RGB and ``[h, w, 3]`` samples."""
    return make_frame(pixel_format, [np.ascontiguousarray(rgb[..., i]) for i in (1, 2, 0)], beside)


def make_frame(pixel_format: str, planes: Sequence[UIntArray], beside: VideoFrame | None = None) -> VideoFrame:
    """A frame of planar YUV whose samples are exactly ``planes``: ``[h, w]`` luma, ``[h', w']`` Cb and Cr, opacity.

    It bears the side data of the carrier ``beside``. Raises `ValueError` for samples that the format has no codes for.
    """
    h, w = planes[0].shape
    frame = carried(beside, w, h, pixel_format) if beside else VideoFrame(w, h, pixel_format)
    for i, plane in enumerate(planes):
        _lay(frame, i, plane)
    return frame


def make_gray(pixel_format: str, plane: UIntArray) -> VideoFrame:
    """A frame of one plane whose samples are exactly ``plane`` (``[h, w]``)."""
    frame = VideoFrame(plane.shape[1], plane.shape[0], pixel_format)
    _lay(frame, 0, plane)
    return frame


def _lay(frame: VideoFrame, index: int, plane: UIntArray) -> None:
    """Write samples into a plane. Raises `ValueError` for samples that its depth has no codes for."""
    depth = frame.format.components[index].bits
    view = _view(frame, index)
    if plane.dtype != view.dtype or (depth % 8 and int(plane.max(initial=0)) >> depth):
        raise ValueError(f"{plane.dtype} samples of up to {plane.max(initial=0)} do not fit into {depth} bit")
    view[...] = plane


def stored_chroma(frame: VideoFrame) -> tuple[UIntArray, UIntArray]:
    """Cb and Cr codes of a frame that stores luma and chroma, as it stores them."""
    plain = _plain_format(frame.format)
    frame = reformatted(frame, pixel_format=plain) if plain else frame
    return _view(frame, 1).copy(), _view(frame, 2).copy()


def _view(frame: VideoFrame, index: int) -> npt.NDArray[Any]:
    """The samples of a plane, without its padding; writing to them writes to the frame."""
    plane = frame.planes[index]
    wide = frame.format.components[0].bits > 8
    dtype = np.dtype("<u2") if wide else np.dtype(np.uint8)
    rows = np.frombuffer(plane, dtype).reshape(plane.height, -1)  # type: ignore[call-overload]
    return np.asarray(rows[:, : plane.width])


def _samples(frame: VideoFrame) -> UIntArray:
    """``[h, w, 3]`` of planar RGB, whose planes are green, blue and red."""
    return np.stack([_view(frame, i) for i in (2, 0, 1)], axis=-1)


def _plain_rgb(form: av.VideoFormat) -> str | None:
    """The planar RGB that a format of whole numbers without opacity becomes; None of any other."""
    bits = {component.bits for component in form.components}
    wild = form.has_palette or form.is_bayer or form.name.startswith("xyz") or "f16" in form.name or "f32" in form.name
    if not form.is_rgb or wild or len(form.components) != 3 or len(bits) > 1 or not bits <= _RGB_DEPTHS:
        return None
    (depth,) = bits
    return "gbrp" if depth == 8 else f"gbrp{depth}le"


def _plain_format(form: av.VideoFormat) -> str | None:
    """The format to convert to before the luma can be read; None where it can be read as it is."""
    if rgb := _plain_rgb(form):
        return rgb
    components = form.components
    depth = components[0].bits
    if _has_no_luma(form) or form.is_bit_stream:
        return "gray" if depth <= 8 else "gray16le"
    if "msb" in form.name:
        return f"yuv444p{depth}le"
    single = sum(c.plane == 0 for c in components) == 1
    if not single:  # packed YUV, or gray with alpha
        if len(components) < 3:
            return "gray" if depth <= 8 else "gray16le"
        across = 1 if components[1].width < components[0].width else 0
        return f"yuv{'422' if across else '444'}p" + ("" if depth <= 8 else "16le")
    if form.is_big_endian and depth > 8:
        return form.name.removesuffix("be") + "le"
    return None


def _has_no_luma(form: av.VideoFormat) -> bool:
    """Whether luma has to be computed; of floating-point samples it has to be rounded."""
    name = form.name
    return form.is_rgb or form.has_palette or form.is_bayer or name.startswith("xyz") or "f16" in name or "f32" in name


def _log2_ratio(large: int, small: int) -> int:
    return max(0, round(np.log2(large / small))) if small else 0
