"""Pictures that carry all that their format has a place for."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import tifffile
from PIL import Image, ImageCms

from tests.stills.sources import GRAY8, GRAY16, png, png_chunk

XMP = '<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:title>Über</dc:title></x:xmpmeta>'.encode()
RGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GRAY_PROFILE = RGB_PROFILE[:16] + b"GRAY" + RGB_PROFILE[20:]
CMYK_PROFILE = RGB_PROFILE[:16] + b"CMYK" + RGB_PROFILE[20:]
IPTC = b"8BIM\x04\x04\0\0\0\0\0\x0e\x1c\x02\x78\0\x09Stra\xc3\x9fe 1"  # resource 1028: a caption
COMMENT = b"Box 7, plate 12; Fr\xfchling"


def exif() -> bytes:
    """EXIF with text of two encodings, a camera directory and a place on Earth."""
    block = Image.Exif()
    block[270] = "Straße".encode()
    block[315] = b"J\xe9r\xf4me"
    block[306] = "1904:07:01 12:00:00"
    block.get_ifd(34665)[36867] = "1904:07:01 12:00:00"
    block.get_ifd(34853)[1] = "N"
    return block.tobytes()


def jpeg_segments(path: Path) -> list[tuple[int, bytes]]:
    data, at, found = path.read_bytes(), 2, []
    while data[at + 1] != 0xDA:
        (size,) = struct.unpack(">H", data[at + 2 : at + 4])
        found.append((data[at + 1], data[at + 4 : at + 2 + size]))
        at += 2 + size
    return found


def riff_chunks(path: Path) -> dict[bytes, bytes]:
    data, at, found = path.read_bytes(), 12, {}
    while at < len(data):
        (size,) = struct.unpack("<I", data[at + 4 : at + 8])
        found[data[at : at + 4]] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def full_jpeg(path: Path) -> Path:
    extra = segment(0xED, b"Photoshop 3.0\0" + IPTC) + segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0GUID" + XMP)
    Image.fromarray(GRAY8).save(
        path, exif=exif(), xmp=XMP, icc_profile=RGB_PROFILE, dpi=(600, 300), comment=COMMENT, extra=extra
    )
    return path


def full_png(path: Path, *, bits: int = 16) -> Path:
    chunks = (
        png_chunk(b"gAMA", struct.pack(">I", 45455)),
        png_chunk(b"iCCP", b"name\0\0" + zlib.compress(RGB_PROFILE)),
        png_chunk(b"pHYs", struct.pack(">IIB", 23622, 11811, 1)),
        png_chunk(b"tEXt", b"Comment\0" + COMMENT),
        png_chunk(b"zTXt", b"Description\0\0" + zlib.compress(b"long " * 100)),
        png_chunk(b"iTXt", b"Title\0\0\0de\0Titel\0" + "Frühling 1904".encode()),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        png_chunk(b"eXIf", exif().removeprefix(b"Exif\0\0")),
        png_chunk(b"tIME", bytes((7, 112, 7, 1, 12, 0, 0))),
    )
    path.write_bytes(png(0, bits, GRAY16 if bits == 16 else GRAY8, *chunks))
    return path


TIFF_TEXTS = {
    269: b"Box 7\0",
    270: "Straße im Frühling, 春\0".encode(),
    271: b"Durst\0",
    305: b"ScanPro 3\0",
    306: b"1904:07:01 12:00:00\0",
    315: b"J\xe9r\xf4me\0",
    33432: "© Archiv\0".encode(),
}


def full_tiff(path: Path) -> Path:
    tags: list[Any] = [(code, 2, len(text), text, True) for code, text in TIFF_TEXTS.items()]
    tags += [(700, 1, len(XMP), XMP, True), (34377, 1, len(IPTC), IPTC, True), (33723, 7, 14, IPTC[12:], True)]
    tifffile.imwrite(
        path,
        GRAY16,
        photometric="minisblack",
        metadata=None,
        software=False,
        resolution=(600, 300),
        resolutionunit="INCH",
        iccprofile=RGB_PROFILE,
        extratags=tags,
    )
    return path


def full_webp(path: Path) -> Path:
    Image.fromarray(GRAY8).convert("RGB").save(path, lossless=True, exif=exif(), xmp=XMP, icc_profile=RGB_PROFILE)
    return path


def tiff_tag(path: Path, code: int) -> bytes:
    """A tag's bytes, read from the file by Pillow's parser of it."""
    with Image.open(path) as image:
        tags = image.tag_v2  # type: ignore[attr-defined]
        kind, data = tags.tagtype[code], tags._tagdata[code]
    assert kind in (1, 2, 7)
    return bytes(data)


def tiff_tags(path: Path) -> dict[int, Any]:
    with Image.open(path) as image:
        return dict(image.tag_v2)  # type: ignore[attr-defined]


FULL = {".jpg": full_jpeg, ".png": full_png, ".tif": full_tiff, ".webp": full_webp}
