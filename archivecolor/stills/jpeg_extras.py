"""What JPEGs carry that other formats do not know: their header, segments of makers, files behind the picture.

What stands behind the picture is kept byte for byte, so that places counted from the end of the file, as in motion
photos, stay true. Multi-picture files (CIPA DC-007, 5.2.3) count from their own segment: these places are set anew.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final

from PIL import Image

from archivecolor.stills import exif, jpeg_markers, tags
from archivecolor.stills.jpeg_markers import APP0
from archivecolor.stills.metadata import XMP_MARKER
from archivecolor.stills.still import Metadata

PHOTOSHOP_MARKER: Final = b"Photoshop 3.0\0"
_LAST_APP: Final = 0xEF
_MULTI_PICTURE: Final = b"MPF\0"
_KNOWN: Final[dict[int, tuple[bytes, ...]]] = {
    0xE0: (b"JFIF\0", b"JFXX\0"),
    0xE1: (b"Exif\0", XMP_MARKER, b"http://ns.adobe.com/xmp/extension/\0"),
    0xE2: (b"ICC_PROFILE\0",),
    0xEB: (b"JP",),
    0xED: (PHOTOSHOP_MARKER,),
    0xEE: (b"Adobe",),
}
"""Read elsewhere; or a thumbnail, or claims that were signed for the source (C2PA)."""
_ENTRIES: Final = 0xB002
_ENTRY_BYTES: Final = 16
_ORDERS: Final = {b"II*\0": "<", b"MM\0*": ">"}


def with_own(metadata: Metadata, image: Image.Image, source: bytes) -> Metadata:
    """What a JPEG alone has: its header, segments that nobody else knows, what stands behind it."""
    segments = [(marker, body) for marker, body in jpeg_markers.segments(source) if APP0 <= marker <= _LAST_APP]
    header = next((body for marker, body in segments if marker == APP0 and body.startswith(b"JFIF\0")), b"")
    dpi, aspect = metadata.dpi, None
    if image.info.get("jfif_unit", 0) == 0:
        # Pillow invents 72 dots an inch where EXIF has none, and takes no unit for inches
        told = {field.code: field.value for field in exif.parse(metadata.exif or b"")}
        in_a_unit = int.from_bytes(told.get(tags.RESOLUTION_UNIT, b"\2")[:2], "little") != tags.NO_UNIT
        dpi = dpi if tags.X_RESOLUTION in told and in_a_unit else None
        across, down = image.info.get("jfif_density", (1, 1))
        aspect = (float(across), float(down)) if across != down and across and down else None
    return replace(
        metadata,
        dpi=dpi,
        aspect=aspect,
        jfif=header[:12] + b"\0\0" if len(header) >= 12 else None,
        jpeg_segments=tuple(part for part in segments if not _is_known(*part)),
        behind=jpeg_markers.behind(source),
    )


def _is_known(marker: int, body: bytes) -> bool:
    """Whether a segment is read elsewhere, or does not hold for the result."""
    return any(body.startswith(name) for name in _KNOWN.get(marker, ()))


def header(kept: Metadata) -> bytes:
    """The body of the JFIF segment: resolution, or the aspect of the pixels, and no thumbnail (ITU-T T.871, 10.1)."""
    if kept.jfif:
        return kept.jfif
    across, down = kept.dpi or kept.aspect or (1.0, 1.0)
    scale = min(1.0, 65535 / max(across, down))
    if not kept.dpi and max(across, down) < 100:
        scale = 100.0 if across != down else 1 / across  # fractions
    sides = [max(1, round(side * scale)) for side in (across, down)]
    return b"JFIF\0\1\1" + struct.pack(">BHH", bool(kept.dpi), *sides) + b"\0\0"


def pointing_behind(coded: bytes, source: bytes) -> bytes:
    """``coded``, a JPEG that what stood behind ``source`` will follow, with the places of further pictures in it."""
    was, now = _multi_picture(source), _multi_picture(coded)
    if was is None or now is None:
        return coded
    base, end = now, len(coded)
    moved = (end - base) - (len(source) - len(jpeg_markers.behind(source)) - was)
    order = _ORDERS.get(coded[base : base + 4])
    if order is None:
        return coded
    changed = bytearray(coded)
    try:
        for number, at in enumerate(_entries(coded, base, order)):
            size, place = struct.unpack_from(f"{order}II", coded, at + 4)
            if number == 0:
                struct.pack_into(f"{order}I", changed, at + 4, end)
            elif size and place:
                struct.pack_into(f"{order}I", changed, at + 8, place + moved)
    except struct.error:  # it lies about its places, and did so before
        return coded
    return bytes(changed)


def _multi_picture(data: bytes) -> int | None:
    """Where the structure begins that tells of further pictures."""
    for marker, start, _ in jpeg_markers.places(data):
        if marker == APP0 + 2 and data.startswith(_MULTI_PICTURE, start):
            return start + len(_MULTI_PICTURE)
    return None


def _entries(data: bytes, base: int, order: str) -> list[int]:
    """Where the entries of the pictures lie."""
    (first,) = struct.unpack_from(f"{order}I", data, base + 4)
    (count,) = struct.unpack_from(f"{order}H", data, base + first)
    for i in range(count):
        code, _, size, place = struct.unpack_from(f"{order}HHII", data, base + first + 2 + 12 * i)
        if code == _ENTRIES:
            return [base + place + at for at in range(0, size - size % _ENTRY_BYTES, _ENTRY_BYTES)][:1000]
    return []
