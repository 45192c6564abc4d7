"""A film as a contact sheet: frames from its beginning to its end, each with its time, then those of doubtful shots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from archivecolor.errors import InputError
from archivecolor.film.form import PictureForm, form_of
from archivecolor.film.reading import decoded, opened, picture_stream, usual_rate
from archivecolor.film.scaler import reformatted
from archivecolor.film.timecode import timecode_of
from archivecolor.jobs.file_sets import numbering
from archivecolor.jobs.records import TimedConfidence
from archivecolor.report.pictures import small_picture
from archivecolor.report.sheet import Box, Tile, lay, tile_px
from archivecolor.sequences.finding import sequence_at
from archivecolor.sequences.frames import Frame, read_shown
from archivecolor.sequences.survey import USUAL_RATE

FRAME_PX: Final = 1920
"""Long side of a frame that is looked at by itself, of a film that is larger."""
_FRAMES: Final = 12
_NO_KEY_FRAME: Final = 1 << 62
"""As the timestamp beyond which a key frame would do: none will."""
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
    frames: tuple[SheetFrame, ...]
    """Those on the sheet, in its order."""


class SheetFrame(NamedTuple):
    """A frame of a contact sheet."""

    time_s: float
    """From the film's first frame."""
    confidence: float | None
    """Of the shot that it begins, where that is doubtful."""
    timecode: str
    """Empty where the film has no time codes."""
    picture: Image.Image
    """Upright, with square pixels, `FRAME_PX` on its long side or as large as it is."""
    box: Box


class _Chosen(NamedTuple):
    time_s: float
    confidence: float | None
    timecode: str
    small: Image.Image
    large: Image.Image

    @property
    def tile(self) -> Tile:
        sure = "" if self.confidence is None else f", {self.confidence:.0%} sure"
        return Tile((self.timecode or clock(self.time_s)) + sure, self.small)


def contact_sheet(path: Path, width_px: int, doubtful: Sequence[TimedConfidence] = ()) -> ContactSheet:
    """Twelve frames, evenly over the film, on a sheet of that width; below, the first of each doubtful shot.

    Raises `InputError`.
    """
    if numbering(path):
        return _of_sequence(path, width_px, doubtful)
    frames: list[_Chosen] = []
    doubts: list[_Chosen] = []
    form: PictureForm | None = None
    small_px = tile_px(width_px)
    with opened(path) as container:
        stream = picture_stream(container, path)
        duration = _duration(container, stream)
        rate = usual_rate(stream)
        begin = timecode_of(container, rate)

        def chosen(time_s: float, confidence: float | None, frame: VideoFrame, form: PictureForm) -> _Chosen:
            code = str(begin.after(round(time_s * rate))) if begin else ""
            return _Chosen(time_s, confidence, code, *_pictures(frame, form, small_px))

        for time_s, frame in _frames(path, container, stream, duration):
            form = form or form_of(stream, frame)
            frames.append(chosen(time_s, None, frame, form))
        if form is None:
            raise InputError(f"{path}: not one frame of it can be decoded")
        for shot in sorted(doubtful):
            first = _first_of(container, stream, shot)
            if first is not None:
                doubts.append(chosen(shot.start_s, shot.confidence, first, form))
    return _sheet(frames, doubts, form, duration)


def _sheet(frames: list[_Chosen], doubts: list[_Chosen], form: PictureForm, duration: float) -> ContactSheet:
    sheet, boxes = lay([x.tile for x in frames], [x.tile for x in doubts])
    return ContactSheet(
        sheet,
        frames[len(frames) // 2].small,
        *((form.height, form.width) if form.orientation.swaps_sides else (form.width, form.height)),
        seconds=duration,
        is_709=form.matrix == _HD_MATRIX,
        frames=tuple(
            SheetFrame(x.time_s, x.confidence, x.timecode, x.large, box)
            for x, box in zip(frames + doubts, boxes, strict=True)
        ),
    )


def _of_sequence(path: Path, width_px: int, doubtful: Sequence[TimedConfidence]) -> ContactSheet:
    """The same of a sequence; frames that cannot be read are passed over."""
    files = sequence_at(path).files
    numbers = list(files)
    usual = [numbers[len(numbers) * (2 * i + 1) // (2 * _FRAMES)] for i in range(_FRAMES)]
    frames = {n: shown for n in dict.fromkeys(usual) if (shown := scanned(path.with_name(files[n])))}
    if not frames:
        raise InputError(f"{path}: not one frame of it can be decoded")
    first = next(iter(frames.values()))[0]
    rate = first.rate or USUAL_RATE

    def chosen(number: int, shown: tuple[Frame, Image.Image], confidence: float | None = None) -> _Chosen:
        frame, image = shown
        small, large = image.copy(), image.copy()
        small.thumbnail((tile_px(width_px), image.height), reducing_gap=2.0)
        large.thumbnail((FRAME_PX, FRAME_PX), reducing_gap=2.0)
        return _Chosen(float((number - numbers[0]) / rate), confidence, frame.timecode or "", small, large)

    doubts = []
    for shot in sorted(doubtful):
        number = numbers[0] + round(shot.start_s * rate)
        if shown := scanned(path.with_name(files[number])) if number in files else None:
            doubts.append(chosen(number, shown, shot.confidence))
    found = [chosen(number, shown) for number, shown in frames.items()]
    return _sheet(found, doubts, first.form, float((numbers[-1] - numbers[0] + 1) / rate))


def scanned(path: Path) -> tuple[Frame, Image.Image] | None:
    """A frame of a sequence, and what it shows, upright; None where it cannot be read."""
    try:
        frame, rgb = read_shown(path)
        if rgb is None:
            return frame, small_picture(path, None, 0).image
    except InputError:
        return None
    upright = Image.fromarray(np.ascontiguousarray(frame.form.orientation.to_upright(rgb)))
    return frame, upright.resize(frame.form.shown[::-1])


def clock(seconds: float) -> str:
    """'1:02:03.4' or '2:03.4', never later than it is."""
    minutes, tenths = divmod(int(seconds * 10 + 1e-6), 600)
    hours, minutes = divmod(minutes, 60)
    s = f"{tenths // 10:02d}.{tenths % 10}"
    return f"{hours}:{minutes:02d}:{s}" if hours else f"{minutes}:{s}"


def _duration(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # Matroska's is counted from the zero of its clock, as FFmpeg writes it: films from transport streams begin later
    ahead = max(0, container.start_time or 0) if container.format.name.startswith("matroska") else 0
    return float(Fraction(max(0, container.duration - ahead), av.time_base)) if container.duration else 0.0


def _frames(
    path: Path, container: InputContainer, stream: VideoStream, duration: float
) -> Iterator[tuple[float, VideoFrame]]:
    """The key frame before each wanted time; where that has been shown, the frame at the time itself.

    From where a seek leads to no frame near, as in a transport stream of few key frames, all frames are decoded.
    """
    base = stream.time_base or Fraction(1, 1000)
    start = stream.start_time or 0
    places = [start + round(duration * (2 * i + 1) / (2 * _FRAMES) / base) for i in range(_FRAMES)]
    shown = -1
    for i, wanted in enumerate(places):
        frame = _frame_at(container, stream, wanted, shown)
        if frame is None or (frame.pts is not None and frame.pts - wanted > places[1] - places[0]):
            for pts, passed in _passing(path, places[i:], shown):
                yield float((pts - start) * base), passed
            return
        if frame.pts is None or frame.pts <= shown:
            continue
        shown = frame.pts
        yield float((shown - start) * base), frame


def _passing(path: Path, places: list[int], shown: int) -> Iterator[tuple[int, VideoFrame]]:
    """The first frame at each of the places, or after it, and after ``shown``, with its timestamp."""
    with opened(path) as container:
        last, left = None, iter(places)
        wanted = next(left, None)
        for frame in decoded(container, picture_stream(container, path), None):
            if wanted is None or frame.pts is None or frame.pts <= shown:
                continue
            last = frame
            if frame.pts < wanted:
                continue
            last, shown = None, frame.pts
            yield shown, frame
            wanted = next((place for place in left if place > shown), None)
        if wanted is not None and last is not None and last.pts is not None:
            yield last.pts, last  # a film that ends before its header says


def _first_of(container: InputContainer, stream: VideoStream, shot: TimedConfidence) -> VideoFrame | None:
    """The frame that a shot begins with; half a frame's time makes up for rounding."""
    early_s = 0.5 / float(usual_rate(stream))
    wanted = (stream.start_time or 0) + round((shot.start_s - early_s) / (stream.time_base or Fraction(1, 1000)))
    return _frame_at(container, stream, wanted, _NO_KEY_FRAME)


def _frame_at(container: InputContainer, stream: VideoStream, wanted: int, shown: int) -> VideoFrame | None:
    """The first frame at ``wanted`` or after, or a key frame on the way there that comes after ``shown``."""
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


def _pictures(frame: VideoFrame, form: PictureForm, width_px: int) -> tuple[Image.Image, Image.Image]:
    """A frame at that width, and as large as it is looked at by itself."""
    height, width = form.shown
    large_px = round(width * min(1, FRAME_PX / max(height, width)))
    return _picture(frame, form, width_px), _picture(frame, form, large_px)


def _picture(frame: VideoFrame, form: PictureForm, width_px: int) -> Image.Image:
    """A frame upright, with square pixels."""
    across, down = frame.width * float(form.sample_aspect or 1), float(frame.height)
    scale = width_px / (down if form.orientation.swaps_sides else across)
    rgb = reformatted(frame, max(2, round(across * scale)), max(2, round(down * scale)), "rgb24").to_ndarray()
    return Image.fromarray(np.ascontiguousarray(form.orientation.to_upright(rgb)))
