"""Small photographs in every format, depth and mode that is read, written by anything but the code under test.

Each comes with the luma and the alpha that it holds, so that a test need not believe a second decoder.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from archivecolor.chroma.still import Colorizer
from archivecolor.color import UIntArray
from archivecolor.settings import OutputSettings, StillFormat
from tests.fakes.engines import FakeEngine, by_luma

HEIGHT, WIDTH = 37, 53


@dataclass(frozen=True)
class Source:
    """A way to write a photograph, and what is in it."""

    name: str
    suffix: str
    write: Callable[[Path], object] = field(repr=False)
    luma: UIntArray = field(repr=False)
    alpha: UIntArray | None = field(default=None, repr=False)

    def at(self, folder: Path) -> Path:
        """Write it below ``folder``."""
        path = folder / f"source{self.suffix}"
        self.write(path)
        return path


def recolor(source: Path, target: Path, format: StillFormat | None = None, quality: int | None = None) -> list[str]:
    """Color a file by a fake engine that paints shadows blue and lights yellow; returns the warnings."""
    with Colorizer(FakeEngine(by_luma)) as colorizer:
        output = OutputSettings(format=format, quality=quality, embed_record=False)
        return list(colorizer.color_file(source, target, output))


def luma_of(rgb: npt.NDArray[Any]) -> UIntArray:
    """BT.601 Y' as libjpeg and Pillow compute it, written down a second time."""
    r, g, b = (rgb[..., i].astype(np.int64) for i in range(3))
    return ((19595 * r + 38470 * g + 7471 * b + 32768) // 65536).astype(rgb.dtype)


def read_back(path: Path) -> npt.NDArray[Any]:
    """``[h, w, channels]``, rows as stored, by a decoder that the code under test does not write with."""
    data = path.read_bytes()
    if data.startswith(b"\x89PNG"):  # written by OpenCV
        return read_png(data)
    if data[:2] in (b"II", b"MM"):  # written by tifffile: bare strips or Deflate, as asked for here
        return read_tiff(path)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)  # written by Pillow
    assert pixels is not None
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}[pixels.shape[2]]
    return np.ascontiguousarray(pixels[..., order])


def read_png(data: bytes) -> npt.NDArray[Any]:
    """Decode a PNG of color type 2 or 6, not interlaced, from its specification."""
    width, height, bits, kind = struct.unpack(">IIBB", data[16:26])
    channels = {2: 3, 6: 4}[kind]
    raw = zlib.decompress(b"".join(body for name, body in png_chunks(data) if name == b"IDAT"))
    step = channels * bits // 8
    rows = np.frombuffer(raw, np.uint8).reshape(height, 1 + width * step)
    out = np.zeros((height + 1, width * step + step), np.int64)
    for y, row in enumerate(rows):
        line, above = out[y + 1], out[y]
        for x in range(step, len(line)):
            a, b, c = int(line[x - step]), int(above[x]), int(above[x - step])
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            guess = (0, a, b, (a + b) // 2, nearest)[row[0]]
            line[x] = (int(row[1 + x - step]) + guess) & 255
    pixels = out[1:, step:].astype(np.uint8).tobytes()
    return np.frombuffer(pixels, ">u2" if bits == 16 else "u1").reshape(height, width, channels).astype(f"u{bits // 8}")


def read_tiff(path: Path) -> npt.NDArray[Any]:
    """Decode a TIFF that is not turned, by the libtiff in Pillow or, at 16 bit, in OpenCV."""
    with Image.open(path) as image:
        assert image.getexif().get(274, 1) == 1
        if image.mode in ("RGB", "RGBA") and image.tag_v2[258][0] == 8:  # type: ignore[attr-defined]
            return np.array(image)
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return np.ascontiguousarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]])


def save(pixels: npt.NDArray[Any], path: Path) -> None:
    """Write 8-bit pixels in the format of the name, losslessly where it can."""
    image = Image.fromarray(pixels)
    if path.suffix == ".webp":
        image.save(path, lossless=True)
    else:
        image.save(path)


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Names and bodies of a PNG's chunks."""
    found, at = [], 8
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += size + 12
    return found


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(kind: int, bits: int, pixels: npt.NDArray[Any], *before: bytes) -> bytes:
    """A PNG of any color type, of ``[h, w]`` or ``[h, w, channels]``; ``before`` are whole chunks ahead of IDAT."""
    height, width = pixels.shape[:2]
    if bits < 8:
        table = np.unpackbits(pixels.astype(np.uint8)[..., None], axis=2)[..., 8 - bits :]
        rows = np.packbits(table.reshape(height, width * bits), axis=1)
    else:
        rows = pixels.reshape(height, -1).astype(f">u{bits // 8}").view(np.uint8)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    parts = (png_chunk(b"IHDR", header), *before, png_chunk(b"IDAT", zlib.compress(raw)), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _photograph(top: int) -> UIntArray:
    """A slope with grain that goes from black to white."""
    rng = np.random.default_rng(7)
    slope = np.add.outer(np.linspace(-0.1, 0.6, HEIGHT), np.linspace(0, 0.5, WIDTH))
    grainy = slope + rng.normal(0, 0.03, slope.shape)
    return np.asarray(np.clip(np.rint(grainy * top), 0, top), np.uint8 if top < 256 else np.uint16)


GRAY8, GRAY16 = _photograph(255), _photograph(65535)
CLEAR8, CLEAR16 = np.ascontiguousarray(GRAY8[::-1]), np.ascontiguousarray(GRAY16[::-1])
BITS = (GRAY8 > 120).astype(np.uint8)


def _toned(gray: UIntArray) -> UIntArray:
    """A sepia print: three channels that differ."""
    top = int(np.iinfo(gray.dtype).max)
    wide = gray.astype(np.float64) / top
    return np.rint(np.stack((wide**0.8, wide, wide**1.3), axis=-1) * top).astype(gray.dtype)


SEPIA8, SEPIA16 = _toned(GRAY8), _toned(GRAY16)


def _pillow(pixels: npt.NDArray[Any] | Image.Image, **options: Any) -> Callable[[Path], object]:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    return lambda path: image.save(path, **options)


def _tiff(pixels: npt.NDArray[Any], photometric: str, **options: Any) -> Callable[[Path], object]:
    return lambda path: tifffile.imwrite(path, pixels, photometric=photometric, metadata=None, **options)


def _bytes(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def _palette() -> tuple[Image.Image, UIntArray]:
    image = Image.fromarray(SEPIA8).quantize(64)
    return image, luma_of(np.asarray(image.convert("RGB")))


def _decoded(pixels: npt.NDArray[Any], **options: Any) -> UIntArray:
    """The Y plane of a JPEG that Pillow writes, by OpenCV."""
    coded = _coded(pixels, **options)
    luma = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    assert luma is not None
    return np.asarray(luma, np.uint8)


def _coded(pixels: npt.NDArray[Any], **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, **options)
    return out.getvalue()


_PALETTE, _PALETTE_LUMA = _palette()
_WHOLE = np.full_like(CLEAR8, 255)
_TABLE = b"".join(bytes((i * 17, 255 - i * 17, 3 * i)) for i in range(16))
_TABLE_RGB = np.frombuffer(_TABLE, np.uint8).reshape(16, 3)
_NIBBLES = (GRAY8 >> 4).astype(np.uint8)
_MASKED16 = np.where(GRAY16[5, 5] == GRAY16, 0, 65535).astype(np.uint16)

PNG = (
    Source("gray 8", ".png", _pillow(GRAY8), GRAY8),
    Source("gray 16", ".png", _bytes(png(0, 16, GRAY16)), GRAY16),
    Source("gray 1", ".png", _bytes(png(0, 1, BITS)), BITS * np.uint8(255)),
    Source("gray 4", ".png", _bytes(png(0, 4, _NIBBLES)), _NIBBLES * np.uint8(17)),
    Source("gray with alpha 8", ".png", _bytes(png(4, 8, np.dstack((GRAY8, CLEAR8)))), GRAY8, CLEAR8),
    Source("gray with alpha 16", ".png", _bytes(png(4, 16, np.dstack((GRAY16, CLEAR16)))), GRAY16, CLEAR16),
    Source(
        "gray 16 with a transparent value",
        ".png",
        _bytes(png(0, 16, GRAY16, png_chunk(b"tRNS", struct.pack(">H", int(GRAY16[5, 5]))))),
        GRAY16,
        _MASKED16,
    ),
    Source("toned RGB 8", ".png", _pillow(SEPIA8), luma_of(SEPIA8)),
    Source("toned RGB 16", ".png", _bytes(png(2, 16, SEPIA16)), luma_of(SEPIA16)),
    Source("toned RGBA 8", ".png", _pillow(np.dstack((SEPIA8, CLEAR8))), luma_of(SEPIA8), CLEAR8),
    Source("toned RGBA 16", ".png", _bytes(png(6, 16, np.dstack((SEPIA16, CLEAR16)))), luma_of(SEPIA16), CLEAR16),
    Source("palette", ".png", _pillow(_PALETTE), _PALETTE_LUMA),
    Source(
        "palette 4 with transparency",
        ".png",
        _bytes(png(3, 4, _NIBBLES, png_chunk(b"PLTE", _TABLE), png_chunk(b"tRNS", bytes(range(0, 256, 17))))),
        luma_of(_TABLE_RGB[_NIBBLES]),
        _NIBBLES * np.uint8(17),
    ),
)

_GRAY_TIFF = ("minisblack", GRAY8, GRAY16)
TIFF = (
    Source("gray 8", ".tif", _tiff(GRAY8, "minisblack"), GRAY8),
    Source("gray 16", ".tif", _tiff(GRAY16, "minisblack"), GRAY16),
    Source("gray 16 big-endian", ".tif", _tiff(GRAY16, "minisblack", byteorder=">"), GRAY16),
    Source("BigTIFF", ".tif", _tiff(GRAY16, "minisblack", bigtiff=True), GRAY16),
    Source("white is zero 8", ".tif", _tiff(255 - GRAY8, "miniswhite"), GRAY8),
    Source("white is zero 16", ".tif", _tiff(65535 - GRAY16, "miniswhite", compression="lzw"), GRAY16),
    Source("LZW 8", ".tif", _tiff(GRAY8, "minisblack", compression="lzw"), GRAY8),
    Source("LZW 16 big-endian", ".tif", _tiff(GRAY16, "minisblack", compression="lzw", byteorder=">"), GRAY16),
    Source("Deflate 16 predicted", ".tif", _tiff(GRAY16, "minisblack", compression="zlib", predictor=True), GRAY16),
    Source("PackBits", ".tif", _tiff(GRAY8, "minisblack", compression="packbits"), GRAY8),
    Source("tiled 16", ".tif", _tiff(GRAY16, "minisblack", tile=(16, 16), compression="zlib"), GRAY16),
    Source("toned RGB 8", ".tif", _tiff(SEPIA8, "rgb"), luma_of(SEPIA8)),
    Source("toned RGB 16 LZW", ".tif", _tiff(SEPIA16, "rgb", compression="lzw"), luma_of(SEPIA16)),
    Source(
        "planar RGB 16",
        ".tif",
        _tiff(np.moveaxis(SEPIA16, -1, 0), "rgb", planarconfig="separate", tile=(16, 16)),
        luma_of(SEPIA16),
    ),
    Source(
        "RGBA 16",
        ".tif",
        _tiff(np.dstack((SEPIA16, CLEAR16)), "rgb", extrasamples=["unassalpha"]),
        luma_of(SEPIA16),
        CLEAR16,
    ),
    Source(
        "gray with alpha 8",
        ".tif",
        _tiff(np.dstack((GRAY8, CLEAR8)), "minisblack", planarconfig="contig", extrasamples=["unassalpha"]),
        GRAY8,
        CLEAR8,
    ),
    Source("palette", ".tif", _pillow(_PALETTE), _PALETTE_LUMA),
    Source("bilevel", ".tif", _pillow(BITS.astype(bool)), BITS * np.uint8(255)),
    Source("bilevel, CCITT group 4", ".tif", _pillow(BITS.astype(bool), compression="group4"), BITS * np.uint8(255)),
    Source("bilevel, white is zero", ".tif", _tiff(BITS == 0, "miniswhite"), BITS * np.uint8(255)),
    Source("gray 4", ".tif", _tiff(_NIBBLES, "minisblack", bitspersample=4), _NIBBLES * np.uint8(17)),
)

WEBP = (
    Source("lossless", ".webp", _pillow(np.dstack([GRAY8] * 3), lossless=True), GRAY8),
    Source(
        "lossless with alpha",
        ".webp",
        _pillow(np.dstack((SEPIA8, CLEAR8)), lossless=True, exact=True),
        luma_of(SEPIA8),
        CLEAR8,
    ),
    Source(
        "lossless behind a long caption",
        ".webp",
        _pillow(np.dstack([GRAY8] * 3), lossless=True, icc_profile=b"\0" * 16 + b"RGB " + b"\1" * 9000),
        GRAY8,
    ),
)

BMP = (
    Source("gray 8", ".bmp", _pillow(GRAY8), GRAY8),
    Source("toned RGB", ".bmp", _pillow(SEPIA8), luma_of(SEPIA8)),
    Source("bilevel", ".bmp", _pillow(BITS.astype(bool)), BITS * np.uint8(255)),
)

LOSSLESS = {f"{s.suffix[1:]} {s.name}": s for s in (*PNG, *TIFF, *WEBP, *BMP)}

JPEG = {
    f"jpeg {name}": Source(name, ".jpg", _pillow(pixels, **options), _decoded(pixels, format="JPEG", **options))
    for name, pixels, options in (
        ("gray", GRAY8, {"quality": 90}),
        ("gray progressive", GRAY8, {"quality": 75, "progressive": True}),
        ("toned 4:2:0", SEPIA8, {"quality": 85, "subsampling": 2}),
        ("toned 4:4:4", SEPIA8, {"quality": 92, "subsampling": 0}),
        ("gray with restart markers", GRAY8, {"quality": 95, "restart_marker_blocks": 3}),
        ("gray of quality 100", GRAY8, {"quality": 100, "optimize": True}),
        ("gray and coarse", GRAY8, {"quality": 30}),
    )
}
