"""PNG at 8 and 16 bit. Pillow hands out 16-bit color as 8 bit, so OpenCV decodes those and encodes all.

Ancillary chunks (text, profile, resolution, EXIF) are carried over whole: reading and writing them anew would lose
some.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from archivecolor.color import UIntArray
from archivecolor.errors import InputError, OutputError
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills import bounds, pillow
from archivecolor.stills.metadata import EXIF_MARKER, exif_of
from archivecolor.stills.still import Encoded, Metadata, Pixels, Still, StillInfo

_SIGNATURE_BYTES: Final = 8
_IHDR_END: Final = 33
_DEPTH: Final = 24
_METERS_PER_INCH: Final = 0.0254
_CARRIED: Final = {
    *(b"pHYs", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"),
    *(b"cICP", b"mDCV", b"cLLI", b"bKGD"),
}
_ANCILLARY: Final = 32
_SAFE_TO_COPY: Final = 32
"""Bits of the first and of the last letter of a chunk's name."""
_COMPRESSION: Final = 4
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_LONGEST_PROFILE_BYTES: Final = 16 << 20
_XMP_CHUNK: Final = b"iTXtXML:com.adobe.xmp\0"


def probe(path: Path) -> StillInfo:
    """Size and depth from the header; an animation is refused, and what takes ages to walk through."""
    for _ in bounds.not_too_many(_heads(path), path):
        pass
    info = pillow.probe(path, StillFormat.PNG)
    with path.open("rb") as f:
        return replace(info, bits=16 if f.read(_DEPTH + 1)[_DEPTH] == 16 else 8)


def read(path: Path, info: StillInfo, page: int) -> Still:
    """Decode."""
    chunks = tuple(bounds.not_too_many(_chunks(path), path))
    with pillow.open_image(path) as image:
        if info.bits == 8:
            pixels = pillow.to_pixels(pillow.decode(image, path))
        else:
            pixels = _decode_16_bit(path, image.info.get("transparency"))
            # Pillow would decode the picture to look for EXIF behind it
            image.info.setdefault("exif", next((c[8:-4] for c in chunks if c[4:8] == b"eXIf"), b""))
        metadata, orientation, said = pillow.read_metadata(image)
    with path.open("rb") as f:
        bits = f.read(_DEPTH + 1)[_DEPTH]
    carried = tuple(_at_depth(c, bits) for c in chunks if _goes_along(c[4:8]) and (c[4:8] != b"iCCP" or metadata.icc))
    metadata = replace(metadata, png_chunks=carried)
    return Still(path, info, pixels, orientation, metadata, warnings=said)


def _goes_along(kind: bytes) -> bool:
    """Whether a chunk holds for the colored picture: what is known to, and what says so of itself (PNG, 5.4)."""
    return kind in _CARRIED or bool(kind[0] & _ANCILLARY and kind[3] & _SAFE_TO_COPY)


def _at_depth(chunk: bytes, bits: int) -> bytes:
    """A chunk; a gray background of a picture of less than 8 bit, as an 8-bit one has it."""
    if chunk[4:8] != b"bKGD" or len(chunk) != 14 or bits >= 8:
        return chunk
    top = (1 << bits) - 1
    return _chunk(b"bKGD", struct.pack(">H", min(int.from_bytes(chunk[8:10], "big"), top) * 255 // top))


def _decode_16_bit(path: Path, transparent: object) -> Pixels:
    decoded = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16:
        raise InputError(f"{path}: is damaged", hint="restore it from a copy")
    pixels: UIntArray = np.asarray(decoded, dtype=np.uint16)
    if pixels.ndim == 2:
        top = np.uint16(np.iinfo(np.uint16).max)  # OpenCV leaves out the transparent value of a gray picture
        return Pixels(pixels, np.where(pixels == transparent, 0, top) if isinstance(transparent, int) else None)
    rgb = pixels[..., 2::-1]
    gray = np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 1], rgb[..., 2])
    alpha = np.ascontiguousarray(pixels[..., 3]) if pixels.shape[2] == 4 else None
    return Pixels(np.ascontiguousarray(rgb[..., 0]), alpha) if gray else Pixels.of_rgb(rgb, alpha)


def _heads(path: Path) -> Iterator[bytes]:
    """The head of each chunk before the pixels."""
    with path.open("rb") as f:
        f.seek(_SIGNATURE_BYTES)
        while len(head := f.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
            yield head
            f.seek(struct.unpack(">I", head[:4])[0] + 4, os.SEEK_CUR)


def _chunks(path: Path) -> Iterator[bytes]:
    """The ancillary chunks, whole; raises `InputError` where the file ends early or a checksum is wrong."""
    coded, most = 0, 0
    with path.open("rb") as f:
        f.seek(_SIGNATURE_BYTES)
        while True:
            head = f.read(8)
            body = f.read(struct.unpack(">I", head[:4])[0] + 4) if len(head) == 8 else b""
            if len(body) < 4 or zlib.crc32(head[4:] + body[:-4]) != struct.unpack(">I", body[-4:])[0]:
                raise InputError(
                    f"{path}: is damaged: ends early or has a wrong checksum", hint="restore it from a copy"
                )
            if head[4:] == b"IEND":
                return
            if head[4:] == b"IHDR":
                most = _most_coded_bytes(body)
            if head[4:] != b"IDAT":
                yield head + body
                continue
            coded += len(body)
            if coded > most:
                reason = f"{path}: is damaged or a trap: its pixels take more bytes than they could"
                raise InputError(reason, hint="restore it from a copy")


def _most_coded_bytes(header: bytes) -> int:
    """What a picture can take at most: Deflate never makes it larger by more than a few bytes in each 64 KB."""
    width, height, bits, kind = struct.unpack(">IIBB", header[:10])
    rows = height * (2 + width * bits * _CHANNELS.get(kind, 4) // 8)
    return int(1.1 * rows) + (1 << 16)


def encode(rgb: UIntArray, alpha: UIntArray | None, still: Still, output: OutputSettings) -> Encoded:
    """Encode at the depth of ``rgb``."""
    pixels = pillow.for_opencv(rgb, alpha)
    ok, coded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION])
    if not ok:
        raise OutputError(f"{still.path}: could not be encoded as PNG")
    data = coded.data.cast("B")
    channels = _CHANNELS[data[_DEPTH + 1]]
    return Encoded([data[:_IHDR_END], *_metadata_chunks(still, channels), data[_IHDR_END:]])


def _metadata_chunks(still: Still, channels: int) -> Iterator[bytes]:
    kept = still.metadata
    if still.info.format is StillFormat.PNG:
        yield from (fitting for chunk in _replaced(kept) if (fitting := _background(chunk, channels)))
        return
    if kept.icc:
        yield _profile_chunk(kept.icc)
    if kept.dpi or kept.aspect:
        sides = [round(v / _METERS_PER_INCH) for v in kept.dpi or ()] or [round(v * 100) for v in kept.aspect or ()]
        if max(sides) < 1 << 31:
            yield _chunk(b"pHYs", struct.pack(">IIB", *sides, bool(kept.dpi)))
    exif = exif_of(still)
    if exif:
        yield _chunk(b"eXIf", exif.removeprefix(EXIF_MARKER))
    if kept.comment:
        yield _chunk(b"tEXt", b"Comment\0" + kept.comment.replace(b"\0", b""))
    if kept.xmp:
        yield _xmp_chunk(kept.xmp)


def _background(chunk: bytes, channels: int) -> bytes:
    """A chunk, a background that it tells in as many numbers as the picture has colors (PNG, 11.3.4.1).

    Nothing where that cannot be: of a background that is a palette's number, or in color for a gray picture.
    """
    body = chunk[8:-4]
    if chunk[4:8] != b"bKGD" or len(body) == (6 if channels > 2 else 2):
        return chunk
    if channels > 2:
        return _chunk(b"bKGD", body * 3) if len(body) == 2 else b""
    return _chunk(b"bKGD", body[:2]) if body == body[:2] * 3 else b""


def _replaced(kept: Metadata) -> Iterator[bytes]:
    """The source's chunks, with what was changed of XMP, EXIF and profile in their places."""
    xmp = [_xmp_chunk(kept.xmp)] if kept.xmp else []
    for chunk in kept.png_chunks:
        if kept.xmp and chunk[4:].startswith(_XMP_CHUNK):
            yield from xmp
            xmp = []
        elif chunk[4:8] == b"eXIf" and kept.exif:
            yield _chunk(b"eXIf", kept.exif)
        elif chunk[4:8] == b"iCCP" and kept.icc != _profile_in(chunk):
            yield from [_profile_chunk(kept.icc)] if kept.icc else []
        else:
            yield chunk
    yield from xmp


def _profile_in(chunk: bytes) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(chunk[8:-4].split(b"\0", 1)[1][1:], _LONGEST_PROFILE_BYTES)
    except (zlib.error, IndexError):
        return None


def _profile_chunk(icc: bytes) -> bytes:
    return _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc))


def _xmp_chunk(xmp: bytes) -> bytes:
    return _chunk(b"iTXt", _XMP_CHUNK[4:] + b"\0\0\0\0" + xmp)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
