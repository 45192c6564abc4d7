"""Real photographs in every format, described by ExifTool, colored, and read back by ExifTool and ImageMagick.

Every tag that ExifTool finds in the source must be in the result with the same value, but for those that say how the
file is coded. Luma is compared by `archivecolor.runs.luma_check`, whose decoders the formats' own tests check.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from skimage import data

from archivecolor.color import UIntArray
from archivecolor.runs.luma_check import compare_stills
from tests.needs import EXIFTOOL, IDENTIFY, needs_exiftool, needs_imagemagick
from tests.stills.sources import luma_of, recolor
from tests.stills.test_profiles import DOT_GAIN, gray_profile

pytestmark = needs_exiftool

_CAMERA: UIntArray = np.asarray(data.camera())  # type: ignore[no-untyped-call]
GRAY = cv2.resize(_CAMERA, (120, 90), interpolation=cv2.INTER_AREA)
DEEP = cv2.resize(_CAMERA.astype(np.uint16) * 257, (120, 90), interpolation=cv2.INTER_AREA)
TONED = np.stack([np.clip(255 * (GRAY / 255) ** e, 0, 255) for e in (0.8, 1, 1.3)], axis=-1).astype(np.uint8)
DEEP_TONED = np.stack([65535 * (DEEP / 65535) ** e for e in (0.8, 1, 1.3)], axis=-1).astype(np.uint16)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

# What describes the picture. 'a' and 'IPTC' stay out of formats that have no place for them
DESCRIBED = (
    "-EXIF:Artist=Jérôme Müller",
    "-EXIF:Copyright=© Stadtarchiv",
    "-EXIF:ImageDescription=Brücke vor der Flut",
    "-EXIF:DateTimeOriginal=1904:07:01 12:00:00",
    "-EXIF:GPSLatitude=48.5",
    "-EXIF:GPSLatitudeRef=N",
    "-EXIF:GPSLongitude=9.05",
    "-EXIF:GPSLongitudeRef=E",
    "-EXIF:Make=Durst",
    "-XMP-dc:Title=Brücke",
    "-XMP-dc:Subject=bridge",
    "-XMP-dc:Subject=flood",
)
CAPTION = ("-IPTC:Caption-Abstract=Bruecke, Tafel 12", "-IPTC:Keywords=bridge", "-IPTC:City=Esslingen")

# How a file is coded, and what a record of the coloring adds or changes
CODING = {
    "BitsPerSample",
    "Compression",
    "PhotometricInterpretation",
    "SamplesPerPixel",
    "StripOffsets",
    "RowsPerStrip",
    "StripByteCounts",
    "TileOffsets",
    "TileByteCounts",
    "PlanarConfiguration",
    "Predictor",
    "SampleFormat",
    "ColorType",
    "BitDepth",
    "ColorComponents",
    "YCbCrSubSampling",
    "EncodingProcess",
    "ExtraSamples",
    "XMPToolkit",
    "Interlace",
    "NumComponents",
    "NumberOfComponents",
    "ColorSpace",
    "Channels",
}
DESCRIPTIVE_GROUPS = ("IFD", "ExifIFD", "GPS", "XMP-", "IPTC", "JFIF", "PNG", "ICC", "Photoshop", "Jpeg2000")


def _pillow(pixels: Any, **options: Any) -> Callable[[Path], object]:
    return lambda path: Image.fromarray(pixels).save(path, **options)


def _tiff(pixels: Any, **options: Any) -> Callable[[Path], object]:
    return lambda path: tifffile.imwrite(path, pixels, metadata=None, resolution=(600, 600), **options)


def _opencv(pixels: Any) -> Callable[[Path], object]:
    return lambda path: cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])


SOURCES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "JPEG gray": (".jpg", _pillow(GRAY, quality=90, dpi=(600, 600))),
    "JPEG gray, progressive": (".jpg", _pillow(GRAY, quality=90, progressive=True, dpi=(600, 600))),
    "JPEG toned 4:2:0": (".jpg", _pillow(TONED, quality=90, subsampling=2, dpi=(600, 600), icc_profile=SRGB)),
    "PNG 8": (".png", _pillow(GRAY, dpi=(600, 600))),
    "PNG 16": (".png", _pillow(DEEP, dpi=(600, 600))),
    "PNG with alpha": (".png", _pillow(np.dstack((GRAY, GRAY[::-1])), dpi=(600, 600))),
    "TIFF 8": (".tif", _tiff(GRAY, photometric="minisblack")),
    "TIFF 16 LZW": (".tif", _tiff(DEEP, photometric="minisblack", compression="lzw", predictor=True)),
    "TIFF 16 toned, big-endian, Deflate": (".tif", _tiff(DEEP_TONED, photometric="rgb", byteorder=">", compression=8)),
    "TIFF tiled": (".tif", _tiff(GRAY, photometric="minisblack", tile=(32, 48))),
    "TIFF white is zero": (".tif", _tiff(255 - GRAY, photometric="miniswhite")),
    "WebP": (".webp", _pillow(TONED, lossless=True)),
    "JPEG 2000": (".jp2", _opencv(GRAY)),
    "JPEG 2000, 16": (".jp2", _opencv(DEEP)),
}
HAVE_IPTC = (".jpg", ".tif")


def described(path: Path) -> None:
    """Let ExifTool write the picture's description into it."""
    tags = (*DESCRIBED, *(CAPTION if path.suffix in HAVE_IPTC else ()))
    command = [str(EXIFTOOL), "-q", "-overwrite_original", "-codedcharacterset=utf8", *tags, str(path)]
    subprocess.run(command, check=True, timeout=60)


def tags_of(*paths: Path) -> list[dict[str, str]]:
    """Every descriptive tag that ExifTool finds, in the order of the paths."""
    command = [str(EXIFTOOL), "-j", "-G1", "-a", "-api", "LargeFileSupport=1", *map(str, paths)]
    read = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [
        {
            name: str(value)
            for name, value in found.items()
            if name.startswith(DESCRIPTIVE_GROUPS) and name.rpartition(":")[2] not in CODING
        }
        for found in json.loads(read.stdout)
    ]


@pytest.mark.parametrize(("suffix", "write"), SOURCES.values(), ids=SOURCES)
def test_every_tag_that_exiftool_finds_is_kept(suffix: str, write: Callable[[Path], object], tmp_path: Path) -> None:
    pytest.importorskip("imagecodecs")
    source, target = tmp_path / f"source{suffix}", tmp_path / f"target{suffix}"
    write(source)
    described(source)
    assert recolor(source, target) == []
    before, after = tags_of(source, target)
    assert len(before) > len(DESCRIBED)
    assert {name: after.get(name) for name in before} == before
    finding = compare_stills(source, target)
    assert finding.reason is None


@needs_imagemagick
@pytest.mark.parametrize(("suffix", "write"), SOURCES.values(), ids=SOURCES)
def test_imagemagick_sees_size_depth_pages_and_resolution(
    suffix: str, write: Callable[[Path], object], tmp_path: Path
) -> None:
    pytest.importorskip("imagecodecs")
    source, target = tmp_path / f"source{suffix}", tmp_path / f"target{suffix}"
    write(source)
    recolor(source, target)
    seen = []
    for path in (source, target):
        asked = "%w %h %z %n %x %y %A %[orientation]\n"
        done = subprocess.run([str(IDENTIFY), "-format", asked, str(path)], capture_output=True, text=True, timeout=60)
        if done.returncode:
            pytest.skip(f"this ImageMagick does not read {suffix}")
        seen.append(done.stdout.splitlines())
    assert seen[0] == seen[1]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".jp2"])
def test_a_dot_gain_profile_becomes_one_of_rgb_in_every_format(suffix: str, tmp_path: Path) -> None:
    dot_gain = gray_profile(DOT_GAIN)
    source, target = tmp_path / "source.tif", tmp_path / f"target{suffix}"
    tifffile.imwrite(source, GRAY, photometric="minisblack", iccprofile=dot_gain, metadata=None)
    from archivecolor.settings import StillFormat

    formats = {".jpg": "jpeg", ".tif": "tiff", ".jp2": "jpeg2000"}
    warnings = recolor(source, target, StillFormat(formats.get(suffix, suffix[1:])))
    assert not any("profile" in warning for warning in warnings)
    (tags,) = tags_of(target)
    assert tags["ICC-header:ColorSpaceData"].strip() == "RGB"
    assert "ICC_Profile:RedTRC" in tags


def test_an_image_turned_by_exiftool_stays_turned_once(tmp_path: Path) -> None:
    source, target = tmp_path / "source.tif", tmp_path / "target.tif"
    tifffile.imwrite(source, DEEP, photometric="minisblack", metadata=None)
    subprocess.run([str(EXIFTOOL), "-q", "-overwrite_original", "-n", "-Orientation=8", str(source)], check=True)
    recolor(source, target)
    (tags,) = tags_of(target)
    assert tags["IFD0:Orientation"] == "Rotate 270 CW"
    rgb: UIntArray = tifffile.imread(target)
    np.testing.assert_array_equal(luma_of(rgb), DEEP)
