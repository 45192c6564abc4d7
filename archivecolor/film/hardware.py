"""Encoding on an NVIDIA GPU (NVENC), where it is asked for and a trial shows that it works.

A driver may lack, a card may be too old or busy, a codec or depth may be more than it can do: nothing but encoding a
few frames tells. The same planes go in as into the software encoder, so luma is as untouched; files are larger for the
same quality.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Final

import av
import numpy as np

from archivecolor.errors import OutputError
from archivecolor.film.encoder import open_encoder
from archivecolor.film.encoding import Encoding, plan_encoding
from archivecolor.film.form import PictureForm, make_frame
from archivecolor.film.scaler import reformatted
from archivecolor.settings import EncoderKind, EncodeSettings, FilmCodec, Purpose

_ENCODERS: Final = {
    FilmCodec.H264: ("h264_nvenc", (8,)),
    FilmCodec.H265: ("hevc_nvenc", (8, 10)),
    FilmCodec.AV1: ("av1_nvenc", (8, 10)),
}
"""FFmpeg's encoder of each codec, and the depths that it takes."""
_PRESET: Final = "p5"
_MOST_QUALITY: Final = 51
_SOFTWARE_SCALE: Final = {FilmCodec.AV1: 63}
"""Where the software encoder's crf ends, if not at 51."""
_TRIAL_FRAMES: Final = 8
_TRIAL_SIZE: Final = (256, 256)
"""Hardware encoders refuse pictures that are much smaller."""
_TRIAL_FORM: Final = PictureForm(
    *_TRIAL_SIZE,
    depth=8,
    full_range=False,
    matrix=1,
    primaries=1,
    transfer=1,
    chroma_shift=(1, 1),
    sample_aspect=None,
    field_order=0,
    display_matrix=None,
    pixel_format="yuv420p",
    converted=False,
)

Trial = Callable[[Encoding, PictureForm, tuple[int, int], Fraction], None]
"""Raises `OutputError` when an encoder does not work."""


def choose(
    encoding: Encoding, settings: EncodeSettings, form: PictureForm, size: tuple[int, int], rate: Fraction, trial: Trial
) -> Encoding:
    """``encoding``, or its like on a GPU where ``settings`` ask for that and ``trial`` works.

    What decided is in the result's notes. Raises `OutputError` when NVENC was asked for by name and does not work.
    """
    if settings.encoder is EncoderKind.SOFTWARE:
        return encoding
    try:
        candidate = on_gpu(encoding, settings)
        trial(candidate, form, size, rate)
    except OutputError as e:
        if settings.encoder is EncoderKind.NVENC:
            raise OutputError(e.message, hint="--encoder auto or software does without a GPU") from e
        return replace(encoding, notes=(*encoding.notes, f"encoding in software: {e.message}"))
    return candidate


def on_gpu(encoding: Encoding, settings: EncodeSettings) -> Encoding:
    """How NVENC would do the same. Raises `OutputError` for what it cannot."""
    if encoding.codec not in _ENCODERS:
        raise OutputError(f"NVENC has no {encoding.codec}")
    encoder, depths = _ENCODERS[encoding.codec]
    if encoding.parity:
        raise OutputError("NVENC encodes no interlaced film")
    if encoding.depth not in depths:
        raise OutputError(f"NVENC has no {encoding.codec} of {encoding.depth} bit")
    if encoding.shift != (1, 1):
        raise OutputError("NVENC is used for chroma of 4:2:0 only")
    crf = int(dict(encoding.options)["crf"])
    quality = round(crf * _MOST_QUALITY / _SOFTWARE_SCALE.get(encoding.codec, _MOST_QUALITY))
    options = {"preset": settings.preset or _PRESET, "tune": "hq", "rc": "vbr", "cq": str(quality), "b": "0"}
    return replace(
        encoding,
        encoder=encoder,
        input_format="yuv420p" if encoding.depth == 8 else "p010le",
        options=tuple(options.items()),
    )


def encoders_here() -> Iterator[tuple[str, str | None]]:
    """NVENC's encoders that this FFmpeg has, each with why it does not work here; None where it does."""
    software = plan_encoding(_TRIAL_FORM, EncodeSettings(Purpose.SHARE), "matroska", interlaced=False)
    for codec, (name, _) in _ENCODERS.items():
        if name in av.codecs_available:
            try:
                try_encoding(
                    on_gpu(replace(software, codec=codec), EncodeSettings()), _TRIAL_FORM, _TRIAL_SIZE, Fraction(25)
                )
            except OutputError as e:
                yield name, e.message
            else:
                yield name, None


def try_encoding(encoding: Encoding, form: PictureForm, size: tuple[int, int], rate: Fraction) -> None:
    """Encode a few frames of ``size`` (width, height) and throw them away. Raises `OutputError` when that fails."""
    context = open_encoder(encoding, form, size, rate)
    wide, high = size
    dtype = np.uint8 if encoding.depth == 8 else np.uint16
    chroma = (-(-high >> encoding.shift[1]), -(-wide >> encoding.shift[0]))
    packets = 0
    try:
        for i in range(_TRIAL_FRAMES):
            luma = np.full((high, wide), 40 + i, dtype)
            neutral = np.full(chroma, 1 << (encoding.depth - 1), dtype)
            frame = make_frame(encoding.pixel_format, (luma, neutral, neutral))
            frame = reformatted(frame, pixel_format=encoding.taken_format)
            frame.pts, frame.time_base = i, 1 / rate
            packets += len(context.encode(frame))
        packets += len(context.encode(None))
    except (av.error.FFmpegError, ValueError) as e:
        raise OutputError(f"{encoding.encoder} fails: {getattr(e, 'strerror', None) or e}") from e
    if packets != _TRIAL_FRAMES:
        raise OutputError(f"{encoding.encoder} gave {packets} of {_TRIAL_FRAMES} frames")
