"""A film as a contact sheet: frames from its beginning to its end, each with its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageDraw, ImageFont

from archivecolor.errors import InputError
from archivecolor.film.form import PictureForm, form_of
from archivecolor.film.reading import opened, picture_stream

_FRAMES: Final = 12
_COLUMNS: Final = 4
_GAP_PX: Final = 8
_GROUND: Final = (142, 142, 142)
_HD_MATRIX: Final = 1
"""BT.709, by ITU-T H.273."""


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """Some frames of a film."""

    sheet: Image.Image
    poster: Image.Image
    """The frame in the middle."""
    width: int
    height: int
    """Of the film's picture, upright."""
    seconds: float
    is_709: bool
    """Whether its luma is BT.709's."""


def contact_sheet(path: Path, width_px: int) -> ContactSheet:
    """Twelve frames, evenly over the film, on a sheet of that width. Raises `InputError`."""
    tiles: list[tuple[float, Image.Image]] = []
    form: PictureForm | None = None
    tile_px = (width_px - (_COLUMNS - 1) * _GAP_PX) // _COLUMNS
    with opened(path) as container:
        stream = picture_stream(container, path)
        duration = _duration(container, stream)
        for time_s, frame in _frames(container, stream, duration):
            form = form or form_of(stream, frame)
            tiles.append((time_s, _tile(frame, form, tile_px)))
    if form is None:
        raise InputError(f"{path}: not one frame of it can be decoded")
    size = (form.width, form.height)
    return ContactSheet(
        _lay(tiles),
        tiles[len(tiles) // 2][1],
        *(size[::-1] if form.orientation.swaps_sides else size),
        seconds=duration,
        is_709=form.matrix == _HD_MATRIX,
    )


def clock(seconds: float) -> str:
    """'1:02:03' or '2:03'."""
    minutes, s = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{s:02d}" if hours else f"{minutes}:{s:02d}"


def _duration(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return float(Fraction(container.duration, av.time_base)) if container.duration else 0.0


def _frames(container: InputContainer, stream: VideoStream, duration: float) -> Iterator[tuple[float, VideoFrame]]:
    """The key frame before each wanted time; where that has been shown, the frame at the time itself."""
    base = stream.time_base or Fraction(1, 1000)
    start = stream.start_time or 0
    shown = -1
    for i in range(_FRAMES):
        wanted = start + round(duration * (2 * i + 1) / (2 * _FRAMES) / base)
        frame = _frame_at(container, stream, wanted, shown)
        if frame is None or frame.pts is None or frame.pts <= shown:
            continue
        shown = frame.pts
        yield float((shown - start) * base), frame


def _frame_at(container: InputContainer, stream: VideoStream, wanted: int, shown: int) -> VideoFrame | None:
    last = None
    try:
        container.seek(wanted, stream=stream)
        for frame in container.decode(stream):
            last = frame
            if frame.pts is None or frame.pts >= wanted or (frame.key_frame and frame.pts > shown):
                break
    except av.error.FFmpegError:  # damaged there; the run's warnings tell where
        return last
    return last


def _tile(frame: VideoFrame, form: PictureForm, width_px: int) -> Image.Image:
    """A frame upright, with square pixels."""
    across, down = frame.width * float(form.sample_aspect or 1), float(frame.height)
    scale = width_px / (down if form.orientation.swaps_sides else across)
    rgb = frame.reformat(max(2, round(across * scale)), max(2, round(down * scale)), "rgb24").to_ndarray()
    return Image.fromarray(np.ascontiguousarray(form.orientation.to_upright(rgb)))


def _lay(tiles: list[tuple[float, Image.Image]]) -> Image.Image:
    """Rows of frames, each with its time in a corner."""
    width, height = tiles[0][1].size
    columns = min(_COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (width + _GAP_PX) - _GAP_PX, rows * (height + _GAP_PX) - _GAP_PX), _GROUND)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(max(10, width // 20))
    for i, (time_s, tile) in enumerate(tiles):
        x, y = i % columns * (width + _GAP_PX), i // columns * (height + _GAP_PX)
        sheet.paste(tile, (x, y))
        draw.text((x + 8, y + 7), clock(time_s), (255, 255, 255), font, "la", stroke_width=1, stroke_fill=(0, 0, 0))
    return sheet
