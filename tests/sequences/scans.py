"""Sequences of frames, made from scratch: a shape that wanders over a gray picture."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from archivecolor.sequences import dpx

Codes = npt.NDArray[np.uint16]

HEIGHT, WIDTH = 54, 97


def picture(at: int, bits: int = 16, height: int = HEIGHT, width: int = WIDTH) -> Codes:
    """Luma of a moment, ``[h, w]``."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    wave = 0.45 + 0.25 * np.sin((x + 2 * at) / 9) * np.cos((y + at) / 7)
    disk = np.hypot(x - 20 - at % 40, y - height / 2) < height / 5
    grain = np.random.default_rng(at).normal(0, 0.01, x.shape)
    shown = np.clip(np.where(disk, 0.85, wave) + grain, 0, 1)
    return np.asarray(np.rint(shown * ((1 << bits) - 1)), np.uint16)


def header(
    *,
    bits: int = 10,
    packing: int | None = None,
    order: str = ">",
    channels: int = 1,
    transfer: int = 6,
    timecode: str | None = "10:00:00:05",
    rate: float = 18.0,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    user: bytes = b"",
) -> dpx.Header:
    """A DPX header with something in every field that archives care about."""
    plain = dpx.new_header(size[1], size[0], bits=bits, rate=Fraction(rate).limit_denominator(1001), timecode=timecode)
    raw = bytearray(plain.raw)
    raw[36:46], raw[160:170], raw[260:267] = b"reel1.film", b"Archive XY", b"Reel no"
    raw[1664:1680] = b"0112345678901234"  # keycode
    raw[1760:1770] = b"Frame 1234"
    struct.pack_into(">BBBBH", raw, 800, {1: 6, 3: 50, 4: 51}[channels], transfer, transfer, bits, plain.packing)
    if packing is not None:
        struct.pack_into(">H", raw, 804, packing)
    raw += user
    struct.pack_into(">I", raw, 4, len(raw))
    struct.pack_into(">I", raw, 808, len(raw))
    struct.pack_into(">I", raw, 32, len(user))
    if order == "<":
        raw = _swapped(raw)
    return dpx.read_header(bytes(raw))


def _swapped(raw: bytearray) -> bytearray:
    """The numbers of a header in the other order of bytes."""
    fours = [0, 4, 16, 20, 24, 28, 32, 660, 772, 776, *range(780, 800, 4), 808, 812, 816, 1628, 1632, 1724, 1920, 1940]
    for at, size in [*((at, 4) for at in fours), (768, 2), (770, 2), (804, 2), (806, 2)]:
        raw[at : at + size] = raw[at : at + size][::-1]
    return raw


def dpx_bytes(samples: Codes, form: dpx.Header) -> bytes:
    """A file of ``[h, w]`` or ``[h, w, channels]`` samples."""
    wide = samples if samples.ndim == 3 else samples[..., None]
    parts = dpx.encode([wide.astype(np.uint8 if form.bits == 8 else np.uint16)], form, wide.shape[2])
    raw = bytearray(b"".join(bytes(part) for part in parts))
    raw[800] = {1: 6, 3: 50, 4: 51}[wide.shape[2]]
    return bytes(raw)


def read_dpx(data: bytes) -> tuple[dpx.Header, Codes]:
    """Header and samples of a file."""
    with dpx.explained("a.dpx"):
        found = dpx.read_header(data)
        return found, np.asarray(dpx.read_samples(data, found), np.uint16)


def write_dpx(folder: Path, numbers: Iterable[int], **form: object) -> Path:
    """A sequence ``reel1.000086.dpx`` .. in ``folder``, each frame with a time code of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        made = header(timecode=f"10:00:{number % 3600 // 18:02d}:{number % 18:02d}", **form)  # type: ignore[arg-type]
        luma = picture(number, made.bits)
        samples = luma if made.channels == 1 else np.repeat(luma[..., None], made.channels, axis=2)
        (folder / f"reel1.{number:06d}.dpx").write_bytes(dpx_bytes(samples, made))
    return folder
