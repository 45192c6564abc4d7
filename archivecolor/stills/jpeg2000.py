"""JPEG 2000: JP2 files and bare codestreams. Decoded and encoded by the OpenJPEG in OpenCV, at 8 and at 16 bit.

Results are JP2 and reversible (the 5-3 wavelet), so their luma is the source's in every pixel, whatever the source was.
OpenCV knows nothing of metadata; profile, resolution, XMP and EXIF are boxes (ISO/IEC 15444-1, annex I) and are read
and put in here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from archivecolor.color import UIntArray
from archivecolor.errors import InputError, OutputError
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills import bounds, pillow, profiles
from archivecolor.stills.metadata import EXIF_MARKER, exif_of
from archivecolor.stills.still import Coded, Encoded, Pixels, Still, StillInfo

_XMP_UUID: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF_UUID: Final = b"JpgTiffExif->JP2"
_CODESTREAM: Final = b"\xff\x4f\xff\x51"
_LONGEST_BOX_BYTES: Final = 64 << 20
"""Of boxes that hold metadata; longer ones are no such thing."""
_ICC_METHOD: Final = 2
_METRES_PER_INCH: Final = 0.0254
_LOSSLESS: Final = 1000
_OTHERS: Final = (b"xml ", b"uinf", b"jp2i")


def probe(path: Path) -> StillInfo:
    """Size and depth from the codestream's first segment (SIZ)."""
    with path.open("rb") as f:
        head = f.read(4)
        start = 0 if head == _CODESTREAM else next((at for kind, at, _ in _boxes(path) if kind == b"jp2c"), -1)
        f.seek(max(start, 0))
        siz = f.read(64)
    if start < 0 or siz[:4] != _CODESTREAM or len(siz) < 43:
        raise InputError(f"{path}: is damaged: has no picture in it", hint="restore it from a copy")
    right, bottom, left, top = struct.unpack(">4I", siz[8:24])
    bits = (siz[42] & 0x7F) + 1
    if not 1 <= bits <= 16:
        raise InputError(f"{path}: has {bits} bit samples", hint="convert it to 8 or 16 bit")
    return StillInfo(StillFormat.JPEG2000, right - left, bottom - top, 16 if bits > 8 else 8)


def read(path: Path, info: StillInfo, page: int) -> Still:
    """Decode."""
    with pillow.open_image(path) as image:
        metadata, orientation, said = pillow.read_metadata(image)
        if info.bits == 8:
            pixels = pillow.to_pixels(pillow.decode(image, path))
        else:
            pixels = _decode_deep(path)
    exif = xmp = icc = None
    others: list[bytes] = []
    for kind, at, size in _boxes(path):
        if kind == b"uuid" and 16 < size <= _LONGEST_BOX_BYTES:
            body = _body(path, at, size)
            if body[:16] == _XMP_UUID:
                xmp = body[16:]
            elif body[:16] == _EXIF_UUID:
                exif = body[16:].removeprefix(EXIF_MARKER)
            else:
                others.append(_box(kind, body))
        elif kind in _OTHERS and 0 < size <= _LONGEST_BOX_BYTES:
            others.append(_box(kind, _body(path, at, size)))
        elif kind == b"colr" and 3 < size <= _LONGEST_BOX_BYTES:
            body = _body(path, at, size)
            icc = body[3:] if body[0] == _ICC_METHOD else icc
    icc, said_of_icc = profiles.for_color(icc)
    metadata = replace(metadata, exif=exif, xmp=xmp, icc=icc, jp2_boxes=tuple(others))
    said = (*said, *said_of_icc)
    return Still(path, info, pixels, orientation, metadata, warnings=said)


def _decode_deep(path: Path) -> Pixels:
    decoded = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16:
        raise InputError(f"{path}: is damaged, or of a kind that is not read", hint="restore it from a copy")
    pixels: UIntArray = np.asarray(decoded, dtype=np.uint16)
    if pixels.ndim == 2:
        return Pixels(pixels)
    return Pixels.of_rgb(pixels[..., 2::-1], np.ascontiguousarray(pixels[..., 3]) if pixels.shape[2] == 4 else None)


def encode(rgb: UIntArray, alpha: UIntArray | None, still: Still, output: OutputSettings) -> Encoded:
    """Encode at the depth of ``rgb``, reversibly."""
    pixels = pillow.for_opencv(rgb, alpha)
    ok, coded = cv2.imencode(".jp2", pixels, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, _LOSSLESS])
    if not ok:
        raise OutputError(f"{still.path}: could not be encoded as JPEG 2000")
    data = coded.data.cast("B")
    parts: list[Coded] = []
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        end = at + size if size else len(data)
        if kind == b"jp2h":
            parts.append(_box(kind, _header(bytes(data[at + 8 : end]), still)))
        elif kind == b"jp2c":
            parts += [*_metadata_boxes(still), data[at:]]
            break
        else:
            parts.append(data[at:end])
        at = end
    return Encoded(parts)


def _header(body: bytes, still: Still) -> bytes:
    """The header's boxes, with the source's profile and resolution among them."""
    kept = still.metadata
    parts, at = [], 0
    while at < len(body):
        size, kind = struct.unpack_from(">I4s", body, at)
        if kind == b"colr" and kept.icc:
            parts.append(_box(kind, bytes((_ICC_METHOD, 0, 0)) + kept.icc))
        else:
            parts.append(body[at : at + size])
        at += size
    if kept.dpi:
        across, down = (round(v / _METRES_PER_INCH) for v in kept.dpi)
        if max(across, down) < 1 << 16:
            parts.append(_box(b"res ", _box(b"resc", struct.pack(">HHHHBB", down, 1, across, 1, 0, 0))))
    return b"".join(parts)


def _metadata_boxes(still: Still) -> Iterator[bytes]:
    yield from still.metadata.jp2_boxes
    if still.metadata.xmp:
        yield _box(b"uuid", _XMP_UUID + still.metadata.xmp)
    exif = exif_of(still)
    if exif:
        yield _box(b"uuid", _EXIF_UUID + exif.removeprefix(EXIF_MARKER))


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _boxes(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """`_every_box`, as far as a picture may have them."""
    return bounds.not_too_many(_every_box(path), path)


def _every_box(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and size of each box's body, those inside the header too; nothing of a bare codestream."""
    end = path.stat().st_size
    with path.open("rb") as f:
        if f.read(4) == _CODESTREAM:
            return
        at = 0
        while at + 8 <= end:
            f.seek(at)
            head = f.read(16)
            size, kind = struct.unpack(">I4s", head[:8])
            body = at + 8
            if size == 1 and len(head) == 16:
                size, body = struct.unpack(">Q", head[8:])[0], at + 16
            last = at + size if size else end
            if last > end or last < body:
                return
            yield kind, body, last - body
            at = body if kind == b"jp2h" else last


def _body(path: Path, at: int, size: int) -> bytes:
    with path.open("rb") as f:
        f.seek(at)
        return f.read(size)
