"""Pictures that archivecolor does not read are failures that say what they are, whatever their name."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from archivecolor.errors import InputError
from archivecolor.stills import NotAPictureError, probe
from tests.stills.sources import GRAY8, GRAY16

DNG: list[Any] = [(50706, 1, 4, bytes([1, 4, 0, 0]), True), (50708, 2, 8, "VueScan", True)]
SMALL = np.dstack([GRAY8[::2, ::2]] * 3)


def of_a_camera(path: Path, tags: list[Any]) -> Path:
    """A preview in color, and what the sensor saw inside it."""
    with tifffile.TiffWriter(path) as tif:
        tif.write(SMALL, photometric="rgb", subifds=1, metadata=None, extratags=tags)
        tif.write(GRAY16, photometric="cfa", metadata=None)
    return path


@pytest.mark.parametrize("name", ["camera.nef", "camera.dng", "renamed.tif"])
def test_a_camera_raw_is_refused_and_its_preview_not_colored(name: str, tmp_path: Path) -> None:
    path = of_a_camera(tmp_path / name, DNG if name.endswith("dng") else [(271, 2, 0, "NIKON CORPORATION", True)])
    with pytest.raises(InputError, match="is a camera raw") as caught:
        probe(path)
    assert "16-bit TIFF" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["scan.dng", "scan.tif"])
@pytest.mark.parametrize("photometric", ["linear_raw", "minisblack"])
def test_a_scanner_s_dng_is_one_too(name: str, photometric: str, tmp_path: Path) -> None:
    pixels = np.dstack([GRAY16] * 3) if photometric == "linear_raw" else GRAY16
    tifffile.imwrite(tmp_path / name, pixels, photometric=photometric, metadata=None, extratags=DNG)
    with pytest.raises(InputError, match="is a camera raw"):
        probe(tmp_path / name)


HEADS = {
    "Canon CR2": b"II*\0\x10\0\0\0CR\x02\0",
    "Canon CR3": b"\0\0\0\x18ftypcrx ",
    "Fujifilm RAF": b"FUJIFILMCCD-RAW 0201",
    "Olympus ORF": b"IIRO\x08\0\0\0",
    "Panasonic RW2": b"IIU\0\x18\0\0\0",
    "DPX": b"SDPX\0\0\x20\0V1.0",
    "Cineon": b"\x80\x2a\x5f\xd7",
    "OpenEXR": b"\x76\x2f\x31\x01\x02",
    "JPEG XR": b"II\xbc\x01",
    "AVIF": b"\0\0\0\x20ftypavif",
    "Radiance HDR": b"#?RADIANCE\n",
}


@pytest.mark.parametrize(("what", "head"), HEADS.items(), ids=HEADS)
def test_what_is_not_read_is_named_by_its_content_not_by_its_name(what: str, head: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(head.ljust(400, b"\0"))
    with pytest.raises(NotAPictureError, match=what) as caught:
        probe(path)
    assert caught.value.expected
    assert caught.value.hint


def test_tga_and_pcx_are_pictures_that_are_not_read(tmp_path: Path) -> None:
    for suffix in ("tga", "pcx", "gif"):
        Image.fromarray(GRAY8).save(tmp_path / f"a.{suffix}")
        with pytest.raises(NotAPictureError, match=f"is {suffix.upper()}, which archivecolor does not read") as caught:
            probe(tmp_path / f"a.{suffix}")
        assert caught.value.expected
    (tmp_path / "b.tga").write_bytes(b"\xab" * 400)
    with pytest.raises(NotAPictureError, match="damaged or of an unknown kind") as caught:
        probe(tmp_path / "b.tga")
    assert caught.value.expected
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(NotAPictureError, match="is no picture") as caught:
        probe(tmp_path / "notes.txt")
    assert not caught.value.expected


@pytest.mark.parametrize("kind", ["ICO", "DDS", "ICNS", "QOI", "XBM"])
def test_what_pillow_knows_by_its_content_is_a_picture_that_is_not_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    picture = Image.fromarray(SMALL[:32, :32])
    made = io.BytesIO()
    picture.convert("1" if kind == "XBM" else "RGBA").save(made, kind)
    path.write_bytes(made.getvalue())
    with pytest.raises(NotAPictureError, match=f"is {kind}, which archivecolor does not read") as caught:
        probe(path)
    assert caught.value.expected
    assert "TIFF" in (caught.value.hint or "")
    path.write_bytes(b"\0\0\1\0" + bytes(3))  # an icon without any picture
    with pytest.raises(NotAPictureError, match="is no picture") as caught:
        probe(path)
    assert not caught.value.expected


def test_jpegs_of_another_kind_get_true_messages(tmp_path: Path) -> None:
    codecs = pytest.importorskip("imagecodecs")
    kinds = {
        "12 bit": codecs.jpeg8_encode(GRAY16 >> 4, bitspersample=12),
        "lossless": codecs.jpeg8_encode(GRAY8, lossless=True, predictor=1),
        "JPEG-LS": codecs.jpegls_encode(GRAY8),
    }
    for name, data in kinds.items():
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(data)
        with pytest.raises(InputError, match=f"is a {name} JPEG, which archivecolor does not read"):
            probe(path)
    usual = io.BytesIO()
    Image.fromarray(GRAY8).save(usual, "JPEG")
    for marker in (b"\xff\xc9", b"\xff\xca"):
        (tmp_path / "arithmetic.jpg").write_bytes(usual.getvalue().replace(b"\xff\xc0", marker, 1))
        with pytest.raises(InputError, match="is an arithmetically coded JPEG") as caught:
            probe(tmp_path / "arithmetic.jpg")
        assert "jpegtran" in (caught.value.hint or "")


def test_a_heic_of_two_pictures_says_that_it_holds_two(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    Image.fromarray(SMALL).save(tmp_path / "burst.heic", save_all=True, append_images=[Image.fromarray(SMALL)])
    with pytest.raises(InputError, match="holds 2 pictures"):
        probe(tmp_path / "burst.heic")
