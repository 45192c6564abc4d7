"""The codecs that films are written with: what each can hold, and which containers hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from archivecolor.errors import OutputError, UsageError
from archivecolor.settings import EncodeSettings, FilmCodec, Purpose

Shift = tuple[int, int]
S420, S422, S444 = (1, 1), (1, 0), (0, 0)
NAMES = {S420: "420", S422: "422", S444: "444"}


@dataclass(frozen=True, slots=True)
class Codec:
    """What is known of a codec and of the encoder that makes it."""

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
    alpha: Mapping[Shift, tuple[int, ...]] = field(default_factory=dict)
    """The depths that it has with a plane of opacity, by subsampling."""


CODECS: Final = {
    FilmCodec.H264: Codec(
        "libx264",
        (8, 10),
        (S420, S422, S444),
        ("mp4", "mov", "matroska"),
        (18, 0, 51),
        ("preset", "medium"),
        interlaced=True,
    ),
    FilmCodec.H265: Codec(
        "libx265",
        (8, 10, 12),
        (S420, S422, S444),
        ("mp4", "mov", "matroska"),
        (18, 0, 51),
        ("preset", "medium"),
        options={"x265-params": "log-level=error", "a53cc": "1"},
    ),
    FilmCodec.AV1: Codec("libsvtav1", (8, 10), (S420,), ("mp4", "matroska", "webm"), (28, 1, 63), ("preset", "8")),
    FilmCodec.VP9: Codec(
        "libvpx-vp9",
        (8,),
        (S420, S422, S444),
        ("mp4", "matroska", "webm"),
        (24, 0, 63),
        ("cpu-used", "3"),
        odd_subsampled=True,
        options={"row-mt": "1", "deadline": "good"},
    ),
    FilmCodec.PRORES: Codec(
        "prores_ks",
        (10,),
        (S422, S444),
        ("mov", "matroska"),
        None,
        None,
        interlaced=True,
        odd_subsampled=True,
        full_range=False,
        options={"vendor": "apl0"},
        alpha={S444: (10,)},
    ),
    FilmCodec.FFV1: Codec(
        "ffv1",
        (8, 9, 10, 12, 14, 16),
        (S420, S422, S444),
        ("matroska",),
        None,
        None,
        interlaced=True,
        odd_subsampled=True,
        options={"level": "3", "g": "1", "slicecrc": "1", "slices": "24"},
        alpha=dict.fromkeys((S420, S422, S444), (8, 9, 10, 16)),  # of 12 bit, FFmpeg before 8 cannot read it
    ),
}
CODEC_FOR: Final = {
    Purpose.ARCHIVE: FilmCodec.H265,
    Purpose.SHARE: FilmCodec.H264,
    Purpose.EDIT: FilmCodec.PRORES,
    Purpose.MASTER: FilmCodec.FFV1,
}

_FOR_INTERLACED: Final = (FilmCodec.H264, FilmCodec.FFV1, FilmCodec.PRORES)
"""What an interlaced film becomes, the first of them that its container holds."""

CONTAINERS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
SUFFIX: Final = {"mp4": ".mp4", "mov": ".mov", "matroska": ".mkv", "webm": ".webm"}


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
    return settings.codec or CODEC_FOR[settings.purpose]


def can_hold(container: str, settings: EncodeSettings) -> bool:
    """Whether a container takes what the settings ask for."""
    return container in CODECS[default_codec(settings)].containers


def codec_for(settings: EncodeSettings, container: str, *, interlaced: bool) -> tuple[FilmCodec, str | None]:
    """The codec of one film, and why it is not the default one, if it is not. Raises `OutputError`.

    Only a codec that nobody asked for by name makes room for another one.
    """
    name = default_codec(settings)
    if settings.codec is None and container == "webm":
        name = FilmCodec.VP9  # no purpose's own codec goes into WebM
    if container not in CODECS[name].containers:
        raise OutputError(
            f"{SUFFIX[container]} cannot hold {name}",
            hint=f"end the result's name in {' or '.join(SUFFIX[c] for c in CODECS[name].containers)}",
        )
    if not interlaced or CODECS[name].interlaced:
        return name, None
    able = [c for c in _FOR_INTERLACED if container in CODECS[c].containers]
    if settings.codec is None and able:
        return able[0], f"the film is interlaced, which {name} cannot hold: it becomes {able[0]}"
    raise OutputError(
        f"the film is interlaced and {name} can only hold progressive pictures",
        hint=_for_interlaced(settings, container, able),
    )


def _for_interlaced(settings: EncodeSettings, container: str, able: list[FilmCodec]) -> str:
    """What to do about a codec that was asked for by name, or a container, that no interlaced film fits into."""
    if not able:
        return "end the result's name in .mkv" + (", and leave --codec out" if settings.codec else "")
    works = container in CODECS[CODEC_FOR[settings.purpose]].containers
    return f"{'leave --codec out, or ' if works else ''}--codec {' or '.join(able)} for this film"


def plays_everywhere(settings: EncodeSettings) -> bool:
    """Whether the result is to be what browsers and QuickTime play: 8 bit, 4:2:0."""
    h264 = settings.codec is FilmCodec.H264 or (settings.codec is None and settings.purpose is Purpose.SHARE)
    return h264 and settings.depth is None
