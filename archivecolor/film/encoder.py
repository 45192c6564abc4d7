"""Encoders, opened as planned, and frames into packets."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from typing import Final, cast

import av
from av.filter import Graph
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from archivecolor.errors import OutputError
from archivecolor.film.encoding import Encoding
from archivecolor.film.form import PictureForm
from archivecolor.film.priority import ordinary_priority
from archivecolor.film.scaler import reformatted
from archivecolor.film.slices import Slices
from archivecolor.resources import usable_cores
from archivecolor.settings import FilmCodec

_INTERLACED_FLAGS: Final = (1 << 18) | (1 << 29)
"""AV_CODEC_FLAG_INTERLACED_DCT and AV_CODEC_FLAG_INTERLACED_ME."""
_TRIAL_PX: Final = 256
_SLICES: Final = {down * across for down in range(1, 33) for across in range(down, 2 * down + 1)}
_TRIED: Final = 12
_X264: Final = "x264-params"
_LARGE_PX, _FEW_CORES = 8_000_000, 2


def open_encoder(encoding: Encoding, form: PictureForm, size: tuple[int, int], rate: Fraction) -> VideoCodecContext:
    """Open the encoder for pictures of ``size`` (width, height). Raises `OutputError` where it refuses."""
    trial = cast(VideoCodecContext, av.CodecContext.create(encoding.encoder, "w"))
    trial.width, trial.height = size
    trial.pix_fmt = encoding.taken_format
    trial.time_base, trial.framerate = 1 / rate, rate
    trial.options = dict(encoding.options)
    tag(trial, encoding, form)
    try:
        with ordinary_priority():
            trial.open()
    except (av.error.FFmpegError, ValueError) as e:
        reason = getattr(e, "strerror", None) or str(e)
        raise OutputError(
            f"{encoding.encoder} refuses pictures of {size[0]} x {size[1]} with these options: {reason.lower()}",
            hint="another --codec, --preset or --crf may do",
        ) from e
    return trial


def try_container(encoding: Encoding, muxer: str, suffix: str) -> None:
    """Begin a file of ``encoding`` in memory. Raises `OutputError` where the container refuses its codec."""
    try:
        with av.open(BytesIO(), "w", format=muxer) as trial:
            stream = cast(VideoStream, trial.add_stream(encoding.encoder, rate=25, options=dict(encoding.options)))
            stream.width = stream.height = _TRIAL_PX
            stream.pix_fmt = encoding.taken_format
            with ordinary_priority():
                trial.start_encoding()
    except (av.error.FFmpegError, ValueError) as e:
        raise OutputError(f"{suffix} cannot hold {encoding.codec}", hint="end the result's name in .mkv") from e


def with_slices(
    encoding: Encoding, form: PictureForm, size: tuple[int, int], rate: Fraction, of_source: Slices | None
) -> Encoding:
    """FFV1 divided as its source is, if that is FFV1, or else as usual; other codecs as they are.

    FFmpeg takes some numbers of slices, and for small and large pictures fewer of them: the nearest one is taken.
    """
    options = dict(encoding.options)
    if encoding.codec is not FilmCodec.FFV1:
        return encoding
    wanted = of_source.count if of_source else int(options["slices"])
    for count in sorted(_SLICES, key=lambda n: (abs(n - wanted), n))[:_TRIED]:
        tried = replace(encoding, options=tuple({**options, "slices": str(count)}.items()))
        try:
            open_encoder(tried, form, size, rate)
        except OutputError:
            continue
        notes = [f"the source has {wanted} slices a picture, which FFmpeg does not make: {count} are written"]
        notes = notes if of_source and count != wanted else []
        if of_source and not of_source.sums:
            notes.append("slices get check sums (CRC), which the source's do not have")
        return replace(tried, notes=(*tried.notes, *notes))
    del options["slices"]
    return replace(encoding, options=tuple(options.items()))


class Encoder:
    """Encodes the frames of one segment into a stream of an open container."""

    def __init__(
        self, stream: VideoStream, encoding: Encoding, form: PictureForm, size: tuple[int, int], time_base: Fraction
    ) -> None:
        """Set up ``stream``, made for ``encoding.encoder``; ``size`` is width and height."""
        context: VideoCodecContext = stream.codec_context
        context.width, context.height = size
        context.pix_fmt = encoding.taken_format
        context.time_base = time_base
        context.thread_type = "AUTO"
        tag(context, encoding, form)
        if encoding.parity:
            context.flags |= _INTERLACED_FLAGS
            context.field_order = 2 if encoding.parity == "tff" else 3
        context.options = _lean(dict(encoding.options), encoding, size)
        if encoding.codec_tag:
            context.codec_tag = encoding.codec_tag
        with ordinary_priority():
            context.open()
        self._stream = stream
        self._encoding, self._form = encoding, form
        self._time_base = time_base
        self._fields = {parity: _field_marker(encoding, size, time_base, parity) for parity in ("tff", "bff", None)}

    def encode(self, frame: VideoFrame | None, parity: str | None = None) -> list[Packet[VideoStream]]:
        """Packets that are ready after ``frame``, whose ``parity`` is 'tff', 'bff' or None; None ends the segment."""
        if frame is not None:
            frame.time_base = self._time_base
            marker = self._fields[parity]
            if marker is not None:
                marker.vpush(frame)
                frame = marker.vpull()
            if self._encoding.input_format:  # orders samples anew, changes none
                frame = reformatted(frame, pixel_format=self._encoding.input_format)
            mark(frame, self._encoding, self._form)
        return list(self._stream.encode(frame))


def _lean(options: dict[str, str], encoding: Encoding, size: tuple[int, int]) -> dict[str, str]:
    """``options`` with which x264 keeps fewer pictures of 4K, of 24 MB each, on two cores.

    A thread of its own that looks ahead keeps five more, and has no core to itself there. The film is the same.
    """
    if encoding.encoder != "libx264" or size[0] * size[1] < _LARGE_PX or usable_cores() > _FEW_CORES:
        return options
    params = (options.get(_X264, ""), "sync-lookahead=0")
    return {**options, _X264: ":".join(filter(None, params))}


def tag(context: VideoCodecContext, encoding: Encoding, form: PictureForm) -> None:
    """Write the film's color tags and aspect ratio into a codec context."""
    context.color_range = 2 if encoding.full_range else 1
    context.colorspace = form.matrix if encoding.matrix is None else encoding.matrix
    context.color_primaries = form.primaries
    context.color_trc = form.transfer
    context.sample_aspect_ratio = form.sample_aspect or Fraction(1)


def mark(frame: VideoFrame, encoding: Encoding, form: PictureForm) -> None:
    """Write the same into a frame; encoders that read them there get no other idea."""
    frame.color_range = 2 if encoding.full_range else 1
    frame.colorspace = form.matrix if encoding.matrix is None else encoding.matrix
    frame.color_primaries = form.primaries
    frame.color_trc = form.transfer


def _field_marker(encoding: Encoding, size: tuple[int, int], time_base: Fraction, parity: str | None) -> Graph | None:
    """A filter that flags frames as ``encoding`` says; encoders read the order of fields off their frames."""
    if encoding.parity is None:
        return None
    graph = Graph()
    source = graph.add_buffer(
        width=size[0], height=size[1], format=av.VideoFormat(encoding.pixel_format), time_base=time_base
    )
    marker = graph.add("setfield", parity or "prog")
    sink = graph.add("buffersink")
    source.link_to(marker)
    marker.link_to(sink)
    graph.configure()
    return graph
