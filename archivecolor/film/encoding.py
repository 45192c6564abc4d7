"""Choosing an encoder, and frames into packets.

Luma keeps its depth wherever the codec has it; everything that must be given up is said in `Encoding.notes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, cast

import av
from av.filter import Graph
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from archivecolor.errors import OutputError, UsageError
from archivecolor.film.form import PictureForm
from archivecolor.film.priority import ordinary_priority
from archivecolor.settings import EncodeSettings, FilmCodec, Purpose

Shift = tuple[int, int]
_INTERLACED_FLAGS: Final = (1 << 18) | (1 << 29)
"""AV_CODEC_FLAG_INTERLACED_DCT and AV_CODEC_FLAG_INTERLACED_ME."""
_420, _422, _444 = (1, 1), (1, 0), (0, 0)
_NAMES = {_420: "420", _422: "422", _444: "444"}


@dataclass(frozen=True, slots=True)
class _Codec:
    encoder: str
    depths: tuple[int, ...]
    shifts: tuple[Shift, ...]
    containers: tuple[str, ...]
    crf: tuple[int, int, int] | None
    """Default, least and most; None where the codec has no such scale."""
    preset: tuple[str, str] | None
    """The encoder's option and its default."""
    interlaced: bool = False
    odd_subsampled: bool = False
    """Whether subsampled pictures may have odd sides."""
    full_range: bool = True
    options: Mapping[str, str] = field(default_factory=dict)


_CODECS: Final = {
    FilmCodec.H264: _Codec(
        "libx264",
        (8, 10),
        (_420, _422, _444),
        ("mp4", "mov", "matroska"),
        (18, 0, 51),
        ("preset", "medium"),
        interlaced=True,
    ),
    FilmCodec.H265: _Codec(
        "libx265",
        (8, 10, 12),
        (_420, _422, _444),
        ("mp4", "mov", "matroska"),
        (18, 0, 51),
        ("preset", "medium"),
        options={"x265-params": "log-level=error", "a53cc": "1"},
    ),
    FilmCodec.AV1: _Codec("libsvtav1", (8, 10), (_420,), ("mp4", "matroska", "webm"), (28, 1, 63), ("preset", "8")),
    FilmCodec.VP9: _Codec(
        "libvpx-vp9",
        (8,),
        (_420, _422, _444),
        ("mp4", "matroska", "webm"),
        (24, 0, 63),
        ("cpu-used", "3"),
        odd_subsampled=True,
        options={"row-mt": "1", "deadline": "good"},
    ),
    FilmCodec.PRORES: _Codec(
        "prores_ks",
        (10,),
        (_422, _444),
        ("mov", "matroska"),
        None,
        None,
        interlaced=True,
        odd_subsampled=True,
        full_range=False,
        options={"vendor": "apl0"},
    ),
    FilmCodec.FFV1: _Codec(
        "ffv1",
        (8, 9, 10, 12, 14, 16),
        (_420, _422, _444),
        ("matroska", "mov"),
        None,
        None,
        interlaced=True,
        odd_subsampled=True,
        options={"level": "3", "g": "1", "slicecrc": "1"},
    ),
}
_CODEC_FOR: Final = {
    Purpose.ARCHIVE: FilmCodec.H265,
    Purpose.SHARE: FilmCodec.H264,
    Purpose.EDIT: FilmCodec.PRORES,
    Purpose.MASTER: FilmCodec.FFV1,
}
CAPTIONED: Final = {FilmCodec.H264, FilmCodec.H265}
"""Codecs whose encoders write the captions (A/53) that lie beside a frame."""
_USUAL_DEPTH: Final = 10
"""Skies and skin band at 8."""

CONTAINERS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
_SUFFIX: Final = {"mp4": ".mp4", "mov": ".mov", "matroska": ".mkv", "webm": ".webm"}


@dataclass(frozen=True, slots=True)
class Encoding:
    """One way of encoding one film's picture."""

    codec: FilmCodec
    encoder: str
    pixel_format: str
    depth: int
    full_range: bool
    shift: Shift
    parity: str | None
    """'tff' or 'bff' of interlaced film, None of progressive."""
    options: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    input_format: str | None = None
    """What the encoder takes, where that is `pixel_format` in another order."""

    @property
    def taken_format(self) -> str:
        """The pixel format that the encoder is given."""
        return self.input_format or self.pixel_format

    @property
    def summary(self) -> str:
        """For people: 'H265, 10 bit 4:2:0', or 'H265 by NVENC, 8 bit 4:2:0'."""
        sampling = ":".join(_NAMES[self.shift])
        by = " by NVENC" if self.encoder.endswith("_nvenc") else ""
        return f"{self.codec.upper()}{by}, {self.depth} bit {sampling}{', interlaced' if self.parity else ''}"


def container_for(suffix: str) -> str:
    """The muxer for a file name's suffix. Raises `UsageError` for any but MP4, MOV, MKV and WebM."""
    try:
        return CONTAINERS[suffix.lower()]
    except KeyError:
        raise UsageError(
            f"films are written as .mp4, .mov, .mkv and .webm, not '{suffix}'", hint="end the result's name in .mkv"
        ) from None


def default_codec(settings: EncodeSettings) -> FilmCodec:
    """The codec that is asked for, by name or by purpose."""
    return settings.codec or _CODEC_FOR[settings.purpose]


def can_hold(container: str, settings: EncodeSettings) -> bool:
    """Whether a container takes what the settings ask for."""
    return container in _CODECS[default_codec(settings)].containers


def plan_encoding(form: PictureForm, settings: EncodeSettings, container: str, *, interlaced: bool) -> Encoding:
    """Choose how to encode pictures of ``form``. Raises `UsageError` or `OutputError` where it cannot be done."""
    name = default_codec(settings)
    if container == "webm" and settings.codec is None:
        name = FilmCodec.VP9  # no purpose's own codec goes into WebM
    codec = _CODECS[name]
    if container not in codec.containers:
        raise OutputError(
            f"{_SUFFIX[container]} cannot hold {name}",
            hint=f"end the result's name in {' or '.join(_SUFFIX[c] for c in codec.containers)}",
        )
    if interlaced and not codec.interlaced:
        able = ", ".join(c for c, x in _CODECS.items() if x.interlaced)
        raise OutputError(
            f"the film is interlaced and {name} can only hold progressive pictures", hint=f"--codec one of {able}"
        )
    notes: list[str] = []
    depth = _depth(form, codec, settings, name, notes)
    shift = _shift(form, codec, settings, name, notes, interlaced=interlaced)
    full = form.full_range and codec.full_range
    if form.full_range and not full:
        notes.append(f"{name} is limited range: luma is rescaled from full range")
    if form.converted:
        notes.append(f"the source stores {form.pixel_format}, no luma: luma is computed")
    return Encoding(
        codec=name,
        encoder=codec.encoder,
        pixel_format=f"yuv{_NAMES[shift]}p" + ("" if depth == 8 else f"{depth}le"),
        depth=depth,
        full_range=full,
        shift=shift,
        parity=(form.parity or "tff") if interlaced else None,
        options=tuple(_with_hdr(_options(codec, name, settings, shift), name, form).items()),
        notes=tuple(notes),
    )


def _depth(form: PictureForm, codec: _Codec, settings: EncodeSettings, name: str, notes: list[str]) -> int:
    wanted = form.depth
    if settings.purpose is Purpose.SHARE and settings.codec is None:
        wanted = 8
    elif name != FilmCodec.FFV1:
        wanted = max(form.depth, _USUAL_DEPTH)
    depth = min((d for d in codec.depths if d >= wanted), default=codec.depths[-1])
    if depth < form.depth:
        notes.append(f"luma is rounded from {form.depth} to {depth} bit")
    return depth


def _shift(
    form: PictureForm, codec: _Codec, settings: EncodeSettings, name: str, notes: list[str], *, interlaced: bool
) -> Shift:
    shift = form.chroma_shift if form.chroma_shift in codec.shifts else codec.shifts[0]
    if settings.purpose is Purpose.SHARE and settings.codec is None:
        shift = _420
    width, height = written_size(form, side_by_side=settings.side_by_side)
    if not codec.odd_subsampled and ((shift[0] and width % 2) or (shift[1] and height % 2)):
        if _444 not in codec.shifts:
            raise OutputError(
                f"{name} cannot hold odd sizes ({width} x {height})", hint="--codec h264, h265, vp9 or ffv1"
            )
        notes.append(f"odd size {width} x {height}: chroma is stored 4:4:4, which some players cannot play")
        return _444
    if interlaced and shift == _420 and height % 4 and name == FilmCodec.H264:
        notes.append("interlaced and not a multiple of 4 high: chroma is stored 4:2:2")
        return _422
    return shift


def written_size(form: PictureForm, *, side_by_side: bool) -> tuple[int, int]:
    """Stored width and height of what is written: the picture, or two upright ones beside each other."""
    if not side_by_side:
        return form.width, form.height
    if form.orientation.swaps_sides:
        return form.width, 2 * form.height
    return 2 * form.width, form.height


def _options(codec: _Codec, name: str, settings: EncodeSettings, shift: Shift) -> dict[str, str]:
    options = dict(codec.options)
    if settings.crf is not None:
        if codec.crf is None:
            raise UsageError(f"{name} has no --crf", hint="leave it out")
        if not codec.crf[1] <= settings.crf <= codec.crf[2]:
            raise UsageError(f"crf is {settings.crf}", hint=f"{name} takes {codec.crf[1]} to {codec.crf[2]}")
    if codec.crf is not None:
        options["crf"] = str(codec.crf[0] if settings.crf is None else settings.crf)
    if settings.preset is not None and codec.preset is None:
        raise UsageError(f"{name} has no --preset", hint="leave it out")
    if codec.preset is not None:
        options[codec.preset[0]] = settings.preset or codec.preset[1]
    if name == FilmCodec.PRORES:
        options["profile"] = "hq" if shift == _422 else "4444"
    if name == FilmCodec.H265 and settings.codec is None and settings.purpose is Purpose.ARCHIVE:
        options["tune"] = "grain"
    return options


def _with_hdr(options: dict[str, str], name: FilmCodec, form: PictureForm) -> dict[str, str]:
    """``options`` and those that write the film's HDR metadata into the picture."""
    for key, value in (form.hdr.options(name) if form.hdr else {}).items():
        options[key] = f"{options[key]}:{value}" if key in options else value
    return options


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
        context.options = dict(encoding.options)
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
            if self._encoding.input_format:
                frame = frame.reformat(format=self._encoding.input_format)  # orders samples anew, changes none
            mark(frame, self._encoding, self._form)
        return list(self._stream.encode(frame))


def tag(context: VideoCodecContext, encoding: Encoding, form: PictureForm) -> None:
    """Write the film's color tags and aspect ratio into a codec context."""
    context.color_range = 2 if encoding.full_range else 1
    context.colorspace = form.matrix
    context.color_primaries = form.primaries
    context.color_trc = form.transfer
    context.sample_aspect_ratio = form.sample_aspect or Fraction(1)


def mark(frame: VideoFrame, encoding: Encoding, form: PictureForm) -> None:
    """Write the same into a frame; encoders that read them there get no other idea."""
    frame.color_range = 2 if encoding.full_range else 1
    frame.colorspace = form.matrix
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
