"""Films for browsers: whether one plays as it is, and a small H.264 copy of one that does not.

A copy is for looking at alone. It has the film's frames at its own times and its first sound track; luma and chroma are
scaled and reduced to 8 bit, and nothing else is done to them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from fractions import Fraction
from functools import partial
from heapq import merge
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from archivecolor.errors import InputError
from archivecolor.film.display_matrix import matrix_of
from archivecolor.film.form import PictureForm, form_of
from archivecolor.film.reading import opened, picture_stream, usual_rate
from archivecolor.film.scaler import reformatted
from archivecolor.frames import Orientation
from archivecolor.jobs.file_sets import numbering
from archivecolor.report.films import scanned
from archivecolor.sequences.beside import sound_of
from archivecolor.sequences.finding import sequence_at
from archivecolor.sequences.survey import USUAL_RATE

LINES: Final = 480
"""Most lines of a copy."""
_CRF: Final = "26"
_PLAYS: Final = {
    ".mp4": {"h264"},
    ".m4v": {"h264"},
    ".mov": {"h264"},
    ".webm": {"vp8", "vp9"},
}
"""Codecs that browsers play, by the suffix of the file: all of today's browsers, on any machine."""
_PIXELS: Final = {"yuv420p", "yuvj420p"}
_TICKS: Final = 90_000
_LIMITED: Final = 1
"""Range of luma, by FFmpeg's number."""

log = logging.getLogger(__name__)


class StoppedError(InputError):
    """The copy was given up because the run is to end."""


def plays(path: Path) -> bool:
    """Whether browsers play a film as it is. Raises `InputError`."""
    with opened(path) as container:
        context = picture_stream(container, path).codec_context
        known = _PLAYS.get(path.suffix.lower(), set())
        return context.name in known and context.pix_fmt in _PIXELS


def write_copy(path: Path, file: BinaryIO, stop: Callable[[], bool]) -> None:
    """Write an MP4 of ``path`` into an open file. Raises `InputError`, `StoppedError` once ``stop`` returns true."""
    log.info("%s: making a copy of at most %d lines that browsers play", path, LINES)
    with av.open(file, "w", format="mp4") as copy:
        try:
            if numbering(path):
                _copy_sequence(path, copy, stop)
                return
            with opened(path) as source:
                stream = picture_stream(source, path)
                sounds = source.streams.audio[0] if source.streams.audio else None
                packets = source.demux([s for s in (stream, sounds) if s])
                form = partial(form_of, stream)
                _Copy(copy, usual_rate(stream), form, sounds, stop).write(_decoded(packets))
        except av.error.FFmpegError as e:
            raise InputError(f"{path}: no copy of it can be made for browsers: {e.strerror}") from e


def _decoded(packets: Iterator[Any]) -> Iterator[Any]:
    for packet in packets:
        try:
            yield from packet.decode()
        except av.error.FFmpegError:  # damaged there; the run's warnings tell where
            continue


def _copy_sequence(path: Path, copy: OutputContainer, stop: Callable[[], bool]) -> None:
    """The same of scanned frames, with the sound beside them; one that is missing or broken leaves the one before."""
    files = sequence_at(path).files
    numbered = ((number, scanned(path.with_name(name))) for number, name in files.items())
    shown = ((number, *found) for number, found in numbered if found)
    number, first, image = next(shown, (0, None, None))
    if first is None or image is None:
        raise InputError(f"{path}: not one frame of it can be decoded")
    rate = first.rate or USUAL_RATE
    upright = matrix_of(Orientation.UPRIGHT)
    form = replace(first.form, width=image.width, height=image.height, sample_aspect=None, display_matrix=upright)

    def pictures() -> Iterator[VideoFrame]:
        for at, _, picture in chain([(number, first, image)], shown):
            frame = VideoFrame.from_ndarray(np.asarray(picture.convert("RGB")), "rgb24")
            frame.pts, frame.time_base = at - number, 1 / rate
            yield frame

    with ExitStack() as wav:
        track, heard = None, iter(())
        with suppress(InputError):  # of several nobody knows which
            if sound := sound_of(path):
                container = wav.enter_context(opened(sound))
                track = next(iter(container.streams.audio), None)
                heard = _decoded(container.demux(track)) if track else heard
        timed = merge(pictures(), heard, key=lambda frame: frame.time or 0.0)
        _Copy(copy, rate, lambda _: form, track, stop).write(timed)


class _Copy:
    """A copy under way; its streams are made when the first frames are known."""

    def __init__(
        self,
        copy: OutputContainer,
        rate: Fraction,
        form: Callable[[VideoFrame], PictureForm],
        sounds: AudioStream | None,
        stop: Callable[[], bool],
    ) -> None:
        """``form`` gives that of the first frame."""
        self._copy, self._rate, self._form_of, self._stop = copy, rate, form, stop
        self._form: PictureForm | None = None
        self._picture: VideoStream | None = None
        self._sound: AudioStream | None = None
        self._resampler: AudioResampler | None = None
        self._begins_s = 0.0
        self._last = -1
        self._heard = 0
        """Samples, from the beginning."""
        if sounds is not None:  # every stream must be known before the first packet
            with suppress(av.error.FFmpegError, ValueError):
                hertz = sounds.codec_context.sample_rate or 48_000
                self._sound = copy.add_stream("aac", rate=hertz, bit_rate=96_000)
                self._sound.codec_context.layout = "stereo"
                self._resampler = AudioResampler("fltp", "stereo", hertz, 1024)

    def write(self, frames: Iterator[VideoFrame | AudioFrame]) -> None:
        for frame in frames:
            if self._stop():
                raise StoppedError("the run was stopped")
            if isinstance(frame, VideoFrame):
                self._show(frame)
            elif self._picture:
                self._hear(frame)
        if self._picture is None:
            raise InputError("not one frame of it can be decoded")
        self._copy.mux(self._picture.encode(None))
        if self._sound:
            self._hear(None)
            self._copy.mux(self._sound.encode(None))

    def _hear(self, frame: AudioFrame | None) -> None:
        if self._sound is None or self._resampler is None:
            return
        if frame is not None and frame.pts is not None and frame.time_base:
            frame.pts -= round(self._begins_s / frame.time_base)
            if frame.pts < 0:
                return
        for part in self._resampler.resample(frame):
            if part.pts is not None and part.pts < self._heard:  # a damaged film's, whose clock goes back
                continue
            self._heard = (part.pts or 0) + part.samples
            self._copy.mux(self._sound.encode(part))

    def _show(self, frame: VideoFrame) -> None:
        if self._form is None or self._picture is None:
            self._form = self._form_of(frame)
            self._picture = self._open(self._form)
            self._begins_s = frame.time or 0.0
        time = frame.time
        pts = self._last + 1 if time is None else max(self._last + 1, round((time - self._begins_s) * _TICKS))
        context = self._picture.codec_context
        small = _small(frame, self._form, context.width, context.height)
        self._last = small.pts = pts
        small.time_base = context.time_base
        self._copy.mux(self._picture.encode(small))

    def _open(self, form: PictureForm) -> VideoStream:
        height, width = form.shown
        scale = min(1.0, LINES / height)
        picture = self._copy.add_stream("libx264", rate=self._rate)
        context = picture.codec_context
        context.width, context.height = (max(2, round(side * scale / 2) * 2) for side in (width, height))
        context.pix_fmt = "yuv420p"
        context.time_base = picture.time_base = Fraction(1, _TICKS)
        context.options = {"crf": _CRF, "preset": "veryfast"}
        context.colorspace, context.color_range = form.matrix, _LIMITED
        return picture


def _small(frame: VideoFrame, form: PictureForm, width: int, height: int) -> VideoFrame:
    """Upright, with square pixels."""
    to_shown = {"dst_colorspace": form.matrix, "dst_color_range": _LIMITED}
    if form.orientation is Orientation.UPRIGHT and not form.converted:
        return reformatted(frame, width, height, "yuv420p", src_colorspace=form.matrix, **to_shown)
    across, down = (height, width) if form.orientation.swaps_sides else (width, height)
    rgb = reformatted(frame, across, down, "rgb24").to_ndarray()
    upright = VideoFrame.from_ndarray(np.ascontiguousarray(form.orientation.to_upright(rgb)), "rgb24")
    return reformatted(upright, pixel_format="yuv420p", **to_shown)
