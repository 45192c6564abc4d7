"""What only some formats have: pages, float samples, tiles, luma in a color JPEG; and the formats that came later."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from archivecolor.color import UIntArray
from archivecolor.errors import InputError
from archivecolor.settings import StillFormat
from archivecolor.stills import open_still, probe
from archivecolor.stills.families import FAMILIES
from archivecolor.stills.traits import TRAITS
from tests.stills.full import RGB_PROFILE, XMP, exif
from tests.stills.sources import GRAY8, GRAY16, HEIGHT, SEPIA8, SEPIA16, WIDTH, luma_of, recolor


def test_every_format_has_traits_and_a_family() -> None:
    assert set(TRAITS) == set(FAMILIES) == set(StillFormat)


# JPEG


def coded(pixels: npt.NDArray[Any] | Image.Image, **options: Any) -> bytes:
    out = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(out, "JPEG", **options)
    return out.getvalue()


def y_plane(path: Path) -> UIntArray:
    luma = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    return np.asarray(luma, np.uint8)


LUMA_KEPT = {
    "4:4:4": {"quality": 92, "subsampling": 0},
    "4:2:2": {"quality": 90, "subsampling": 1},
    "4:2:0": {"quality": 85, "subsampling": 2},
    "progressive": {"quality": 80, "subsampling": 2, "progressive": True},
    "quality 100": {"quality": 100, "subsampling": 0},
    "coarse": {"quality": 12},
    "restarts": {"quality": 90, "restart_marker_blocks": 2},
}


@pytest.mark.parametrize("options", LUMA_KEPT.values(), ids=LUMA_KEPT)
def test_a_toned_jpeg_keeps_its_luma_to_the_bit_in_every_decoder(options: dict[str, Any], tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    source.write_bytes(coded(np.tile(SEPIA8, (3, 3, 1)), **options))
    assert recolor(source, target) == []
    np.testing.assert_array_equal(y_plane(target), y_plane(source))
    planes = [imagecodecs.jpeg8_decode(p.read_bytes(), outcolorspace="GRAYSCALE") for p in (source, target)]
    np.testing.assert_array_equal(*planes)
    with Image.open(source) as before, Image.open(target) as after:
        assert before.quantization[0] == after.quantization[0]  # type: ignore[attr-defined]


def test_blown_out_lights_keep_their_luma_too(tmp_path: Path) -> None:
    """Decoded values that were clipped do not tell the coefficients: only copying these gives them back."""
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    harsh = np.where(np.random.default_rng(3).uniform(0, 1, (80, 96, 1)) > 0.5, 255, 0) * np.array((1, 0.98, 0.9))
    source.write_bytes(coded(harsh.astype(np.uint8), quality=40))
    assert recolor(source, target) == []
    np.testing.assert_array_equal(y_plane(target), y_plane(source))


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_a_jpeg_that_stores_no_luma_says_how_far_it_moved(mode: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    source.write_bytes(coded(Image.fromarray(SEPIA8).convert(mode), quality=95, keep_rgb=mode == "RGB"))
    with Image.open(source) as image:
        shown = luma_of(np.asarray(image.convert("RGB")))
    np.testing.assert_array_equal(open_still(source).luma, shown)
    (warning,) = recolor(source, target)
    moved = np.abs(y_plane(target).astype(int) - shown)
    assert f"moved the luma of {(moved > 0).mean():.2%} of its pixels by up to {moved.max()}; --format tiff" in warning
    assert moved.max() <= 6


# TIFF


def album(path: Path) -> list[UIntArray]:
    """Pages of different size, depth, compression and color, with a thumbnail between them."""
    pages: list[Any] = [GRAY16, SEPIA8, np.rot90(GRAY8).copy()]
    with tifffile.TiffWriter(path) as tif:
        tif.write(GRAY16, photometric="minisblack", compression="zlib", metadata=None, resolution=(300, 300))
        tif.write(GRAY8[::4, ::4], photometric="minisblack", subfiletype=1, metadata=None)
        tif.write(SEPIA8, photometric="rgb", compression="lzw", metadata=None, description="second")
        tif.write(255 - pages[2], photometric="miniswhite", tile=(16, 16), metadata=None)
    return [GRAY16, luma_of(SEPIA8), pages[2]]


def test_every_page_of_a_tiff_is_colored_and_keeps_its_luma(tmp_path: Path) -> None:
    pytest.importorskip("imagecodecs")
    source, target = tmp_path / "album.tif", tmp_path / "target.tif"
    lumas = album(source)
    assert probe(source).pages == 3
    assert recolor(source, target) == ["the thumbnails or masks in it were left out"]
    with tifffile.TiffFile(target) as tif:
        assert len(tif.pages) == 3
        for page, luma in zip(tif.pages, lumas, strict=True):
            assert isinstance(page, tifffile.TiffPage)
            rgb = page.asarray()
            assert rgb.dtype == luma.dtype
            np.testing.assert_array_equal(luma_of(rgb), luma)
        kinds = [(int(p.compression), p.is_tiled) for p in tif.pages if isinstance(p, tifffile.TiffPage)]
        assert kinds == [(8, False), (5, False), (1, True)]
        assert [p.description for p in tif.pages if isinstance(p, tifffile.TiffPage)][1] == "second"
    with Image.open(target) as image:
        assert image.n_frames == 3  # type: ignore[attr-defined]


def test_a_page_that_is_damaged_fails_the_whole_album(tmp_path: Path) -> None:
    source = tmp_path / "album.tif"
    album(source)
    source.write_bytes(source.read_bytes()[:-200])
    with pytest.raises(InputError, match="ends early"):
        recolor(source, tmp_path / "target.tif")
    assert not (tmp_path / "target.tif").exists()


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0, 3.7])
def test_float_samples_stay_float_and_keep_their_luma(white: float, tmp_path: Path) -> None:
    source, target = tmp_path / "source.tif", tmp_path / "target.tif"
    gray = (GRAY16.astype(np.float32) / np.float32(65535) + np.float32(1e-5)) * np.float32(white)
    gray[0, 0] = white
    tifffile.imwrite(source, gray, photometric="minisblack", compression="zlib", metadata=None)
    assert recolor(source, target) == []
    rgb = tifffile.imread(target)
    assert rgb.dtype == np.float32
    y = rgb.astype(np.float64) @ (0.299, 0.587, 0.114)
    np.testing.assert_allclose(y, gray, atol=white * 3e-7)
    assert (np.ptp(rgb, axis=2) > 0.04 * white).mean() > 0.3


def test_float_color_is_read_by_its_luma(tmp_path: Path) -> None:
    source, target = tmp_path / "source.tif", tmp_path / "target.tif"
    toned = SEPIA16.astype(np.float32) / np.float32(65535)
    tifffile.imwrite(source, toned, photometric="rgb", metadata=None)
    assert recolor(source, target) == []
    y = tifffile.imread(target).astype(np.float64) @ (0.299, 0.587, 0.114)
    np.testing.assert_allclose(y, toned.astype(np.float64) @ (0.299, 0.587, 0.114), atol=3e-7)
    assert open_still(source).thumbnail is not None


def test_big_endian_bigtiff_and_tiles_stay_as_they_are(tmp_path: Path) -> None:
    source, target = tmp_path / "source.tif", tmp_path / "target.tif"
    tifffile.imwrite(
        source, GRAY16, photometric="minisblack", bigtiff=True, byteorder=">", tile=(32, 16), metadata=None
    )
    assert recolor(source, target) == []
    with tifffile.TiffFile(target) as tif:
        page = tif.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        assert (tif.is_bigtiff, tif.byteorder, page.tilelength, page.tilewidth) == (True, ">", 32, 16)
        np.testing.assert_array_equal(luma_of(page.asarray()), GRAY16)


def test_jpeg_inside_a_tiff_becomes_deflate_and_says_why(tmp_path: Path) -> None:
    pytest.importorskip("imagecodecs")
    source, target = tmp_path / "source.tif", tmp_path / "target.tif"
    tifffile.imwrite(source, np.tile(GRAY8, (2, 2)), photometric="minisblack", compression="jpeg", metadata=None)
    assert recolor(source, target) == ["compressed with Deflate: JPEG holds no color without loss"]
    np.testing.assert_array_equal(luma_of(tifffile.imread(target)), tifffile.imread(source))


# JPEG 2000, PNM, HEIC


def deep_jp2(pixels: npt.NDArray[Any]) -> bytes:
    ok, data = cv2.imencode(".jp2", pixels, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    assert ok
    return data.tobytes()


@pytest.mark.parametrize(
    ("data", "luma"),
    [
        (deep_jp2(GRAY8), GRAY8),
        (deep_jp2(GRAY16), GRAY16),
        (deep_jp2(SEPIA16[..., ::-1].copy()), luma_of(SEPIA16)),
        (deep_jp2(np.dstack((SEPIA16[..., ::-1], GRAY16))), luma_of(SEPIA16)),
    ],
    ids=["gray 8", "gray 16", "toned 16", "toned 16 with alpha"],
)
def test_jpeg_2000_stays_lossless_at_its_own_depth(data: bytes, luma: UIntArray, tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    source, target = tmp_path / "source.jp2", tmp_path / "target.jp2"
    source.write_bytes(data)
    info = probe(source)
    assert (info.width, info.height, info.bits) == (WIDTH, HEIGHT, luma.dtype.itemsize * 8)
    assert recolor(source, target) == []
    rgb = imagecodecs.jpeg2k_decode(target.read_bytes())
    assert rgb.dtype == luma.dtype
    np.testing.assert_array_equal(luma_of(rgb[..., :3]), luma)


def test_a_bare_codestream_is_read(tmp_path: Path) -> None:
    source, target = tmp_path / "source.j2k", tmp_path / "target.jp2"
    Image.fromarray(GRAY8).save(source, no_jp2=True)
    assert source.read_bytes()[:4] == b"\xff\x4f\xff\x51"
    recolor(source, target)
    with Image.open(target) as image:
        np.testing.assert_array_equal(luma_of(np.asarray(image)), GRAY8)


def test_jpeg_2000_takes_up_profile_resolution_xmp_and_exif_and_gives_them_back(tmp_path: Path) -> None:
    source, between, back = (tmp_path / name for name in ("source.png", "between.jp2", "back.png"))
    Image.fromarray(GRAY16).save(source, icc_profile=RGB_PROFILE, dpi=(600, 300), exif=exif(), pnginfo=None)
    recolor(source, between, StillFormat.JPEG2000)
    still = open_still(between)
    assert still.metadata.icc == RGB_PROFILE
    assert still.metadata.exif == exif().removeprefix(b"Exif\0\0")
    assert [round(v) for v in still.metadata.dpi or ()] == [600, 300]
    recolor(between, back, StillFormat.PNG)
    with Image.open(back) as image:
        image.load()
        assert image.info["icc_profile"] == RGB_PROFILE
        assert image.getexif().get_ifd(34853)[1] == "N"


@pytest.mark.parametrize("format", [StillFormat.JPEG2000, StillFormat.PNM, StillFormat.HEIF, StillFormat.BMP])
def test_formats_that_cannot_say_that_they_are_turned_are_upright(format: StillFormat, tmp_path: Path) -> None:
    if format is StillFormat.HEIF:
        pytest.importorskip("pillow_heif")
    source, target, back = tmp_path / "source.jpg", tmp_path / "target", tmp_path / "back.png"
    block = Image.Exif()
    block[274] = 6
    Image.fromarray(np.kron(GRAY8, np.ones((2, 2), np.uint8))).save(source, exif=block.tobytes(), quality=100)
    upright = np.rot90(open_still(source).luma, -1)
    recolor(source, target, format)
    recolor(target, back, StillFormat.PNG)
    still = open_still(back)
    assert still.orientation == 1
    np.testing.assert_array_equal(still.luma, upright)


PNM = {
    "bitmap of text": (b"P1\n# box 7\n3 2\n1 0 1\n0 1 0\n", [[0, 255, 0], [255, 0, 255]], np.uint8),
    "packed bitmap": (b"P4 3 2\n\xa0\x40", [[0, 255, 0], [255, 0, 255]], np.uint8),
    "gray of text": (b"P2 3 1 # a remark\n 255\n0 100 255\n", [[0, 100, 255]], np.uint8),
    "gray": (b"P5\n3 1\n255\n\x00\x64\xff", [[0, 100, 255]], np.uint8),
    "gray up to 15": (b"P5 3 1 15\n\x00\x05\x0f", [[0, 85, 255]], np.uint8),
    "gray 16": (b"P5 2 1 65535\n\x01\x02\xff\xff", [[258, 65535]], np.uint16),
    "gray up to 1023": (b"P5 2 1 1023\n\x00\x00\x03\xff", [[0, 65535]], np.uint16),
    "color": (b"P6 1 1 255\n\x0a\x14\x1e", [[18]], np.uint8),
}


@pytest.mark.parametrize(("data", "luma", "kind"), PNM.values(), ids=PNM)
def test_every_portable_map_is_read_and_becomes_a_ppm(
    data: bytes, luma: list[list[int]], kind: type, tmp_path: Path
) -> None:
    source, target = tmp_path / "source.pgm", tmp_path / "target.ppm"
    source.write_bytes(data)
    still = open_still(source)
    assert still.luma.dtype == kind
    assert still.luma.tolist() == luma
    assert recolor(source, target) == []
    assert target.read_bytes().startswith(b"P6\n")
    pixels = cv2.imread(str(target), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    np.testing.assert_array_equal(luma_of(pixels[..., ::-1].astype(kind)), luma)


@pytest.mark.parametrize(
    "data", [b"P5 3 3 255\n\0\0\0", b"P5 3", b"P5 3 3 70000\n" + bytes(18), b"P2 2 1 255\n7", b"P4 9 9\n\0"]
)
def test_damaged_portable_maps_are_refused(data: bytes, tmp_path: Path) -> None:
    source = tmp_path / "source.pgm"
    source.write_bytes(data)
    with pytest.raises(InputError):
        open_still(source)


def test_heic_is_lossless_upright_and_keeps_its_metadata(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    source, target = tmp_path / "source.heic", tmp_path / "target.heic"
    heif = pillow_heif.from_pillow(Image.fromarray(np.kron(SEPIA8, np.ones((2, 2, 1), np.uint8))))
    heif.save(source, quality=90, exif=exif(), xmp=XMP)
    before = pillow_heif.open_heif(source).to_pillow()
    (warning,) = recolor(source, target)
    assert "written without loss" in warning
    after = pillow_heif.open_heif(target)
    np.testing.assert_array_equal(luma_of(np.asarray(after.to_pillow())), luma_of(np.asarray(before)))
    assert after.info["xmp"] == XMP
    assert b"1904:07:01" in after.info["exif"]
