"""Files that are damaged, cut short, of another kind or too much: always an `InputError` that names the file."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from archivecolor import stills
from archivecolor.errors import DependencyError, InputError, OutputError
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills import NotAPictureError, open_still, probe, suffix_of, write_still
from archivecolor.stills.sniff import names_a_picture, sniff
from tests.stills.sources import (
    GRAY8,
    JPEG,
    LOSSLESS,
    SEPIA8,
    Source,
    png_chunk,
    read_back,
    recolor,
)

SOURCES = LOSSLESS | JPEG
every_source = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())


@every_source
@pytest.mark.parametrize("share", [0.03, 0.3, 0.6, 0.9, 0.999])
def test_a_file_cut_short_anywhere_is_refused_by_name(source: Source, share: float, tmp_path: Path) -> None:
    path = source.at(tmp_path)
    data = path.read_bytes()
    last = 12 if path.suffix == ".png" else 2  # what carries no picture: IEND, EOI, and the padding of WebP
    path.write_bytes(data[: min(int(len(data) * share), len(data) - last - 1)])
    if cut_behind_the_picture(path, source):
        return
    with pytest.raises(InputError) as caught:
        open_still(path)
    assert str(path) in caught.value.message


def cut_behind_the_picture(path: Path, source: Source) -> bool:
    """Whether a TIFF, which may keep anything behind its pixels, still has all of them."""
    try:
        return path.suffix == ".tif" and np.array_equal(open_still(path).luma, source.luma)
    except InputError:
        return False


@every_source
@pytest.mark.parametrize("keep", [0, 1, 4, 25, 33])
def test_a_file_of_a_few_bytes_is_refused_by_name(source: Source, keep: int, tmp_path: Path) -> None:
    path = source.at(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError) as caught:
        probe(path)
    assert str(path) in caught.value.message


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(SOURCES)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12),
    near_the_start=st.booleans(),
)
def test_no_damage_whatever_raises_anything_but_our_errors(
    name: str, changes: list[tuple[float, int]], near_the_start: bool, tmp_path: Path
) -> None:
    path = SOURCES[name].at(tmp_path)
    data = bytearray(path.read_bytes())
    reach = min(len(data), 300) if near_the_start else len(data)
    for place, value in changes:
        data[int(place * reach)] = value
    path.write_bytes(data)
    said = ""
    try:
        info = probe(path)
        if info.width * info.height < 4_000_000:
            still = open_still(path)
            assert still.luma.shape == (still.info.height, still.info.width)
            assert still.luma.size
    except (InputError, DependencyError) as e:
        said = e.message
    assert not said or str(path) in said


def test_a_png_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    for name in ("png gray 8", "png gray 16"):
        path = SOURCES[name].at(tmp_path)
        data = bytearray(path.read_bytes())
        at = data.index(b"IDAT")
        (size,) = struct.unpack(">I", data[at - 4 : at])
        data[at + 4 + size] ^= 1
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"checksum|damaged|broken"):
            open_still(path)


def test_a_jpeg_tiff_whose_data_end_early_is_refused_though_libjpeg_would_fill_it_up(tmp_path: Path) -> None:
    pytest.importorskip("imagecodecs")
    path = tmp_path / "source.tif"
    tifffile.imwrite(path, np.tile(SEPIA8, (4, 4, 1)), photometric="rgb", compression="jpeg", metadata=None)
    open_still(path)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(InputError, match="ends early"):
        open_still(path)


def test_a_small_picture_that_unpacks_to_gigabytes_is_refused_at_once(tmp_path: Path) -> None:
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(1 << 22)) for _ in range(64)) + packer.flush()
    header = struct.pack(">IIBBBBB", 64, 64, 16, 0, 0, 0, 0)
    parts = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", bomb), png_chunk(b"IEND", b""))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    tifffile.imwrite(tmp_path / "bomb.tif", np.zeros((64, 64), np.uint8), compression="zlib", metadata=None)
    data = bytearray((tmp_path / "bomb.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "bomb.tif") as tif:
        page = tif.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        struct.pack_into("<HHII", data, page.tags[273].offset, 273, 4, 1, len(data))
        struct.pack_into("<HHII", data, page.tags[279].offset, 279, 4, 1, len(bomb))
    (tmp_path / "bomb.tif").write_bytes(data + bomb)
    for name in ("bomb.png", "bomb.tif"):
        with pytest.raises(InputError, match="is damaged or a trap"):
            open_still(tmp_path / name)


def test_an_empty_file_is_refused_and_expected_only_if_it_is_named_like_a_picture(tmp_path: Path) -> None:
    for name, expected in (("scan.jpg", True), ("scan.TIFF", True), ("notes.txt", False), ("README", False)):
        path = tmp_path / name
        path.touch()
        with pytest.raises(NotAPictureError, match="is empty") as caught:
            sniff(path)
        assert caught.value.expected is expected


def test_a_file_that_goes_away_between_two_looks_is_an_error_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("png gray 16", "png gray 8", "tif gray 16", "webp lossless", "jpeg gray", "bmp gray 8"):
        path = SOURCES[name].at(tmp_path)
        info = probe(path)
        path.unlink()
        with monkeypatch.context() as patch:
            patch.setattr(stills, "probe", lambda *_, info=info, **__: info)
            with pytest.raises(InputError) as caught:
                open_still(path)
        assert str(path) in caught.value.message


def test_a_file_that_cannot_be_read_is_an_error_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = SOURCES["png gray 8"].at(tmp_path)

    def refuse(path: Path, *args: object, **kwargs: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        sniff(path)


def test_a_picture_that_does_not_fit_into_memory_is_an_error_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = SOURCES["png gray 16"].at(tmp_path)

    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(cv2, "imdecode", exhausted)
    with pytest.raises(InputError, match="does not fit into memory"):
        open_still(path)


def test_what_an_encoder_stumbles_over_names_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = SOURCES["png gray 8"].at(tmp_path)
    still = open_still(path)

    def stumble(*_: object, **__: object) -> None:
        raise ValueError("bad hair day")

    monkeypatch.setattr(Image.Image, "save", stumble)
    file = io.BytesIO()
    with pytest.raises(OutputError, match="cannot be encoded as jpeg: bad hair day") as caught:
        write_still(file, np.dstack([GRAY8] * 3), still, OutputSettings(format=StillFormat.JPEG))
    assert str(path) in caught.value.message
    assert file.getvalue() == b""


@pytest.mark.parametrize("format", list(StillFormat))
def test_nothing_is_written_before_the_whole_is_encoded(format: StillFormat, tmp_path: Path) -> None:
    """A full disk is then told by its own error number, which encoders swallow."""
    still = open_still(SOURCES["png gray 8"].at(tmp_path))

    class Full(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        write_still(Full(), np.dstack([GRAY8] * 3), still, OutputSettings(format=format))
    assert caught.value.errno == 28


def test_suffixes_name_formats_in_any_case() -> None:
    for kind in StillFormat:
        assert names_a_picture(f"A{suffix_of(kind).upper()}")
    assert not names_a_picture("plate.7")
    assert not names_a_picture("plate.jpg.xmp")


def test_what_was_written_is_a_whole_file_for_another_reader(tmp_path: Path) -> None:
    for name, source in SOURCES.items():
        path, target = source.at(tmp_path), tmp_path / f"target{source.suffix}"
        target.unlink(missing_ok=True)
        recolor(path, target)
        if source.suffix != ".tif":
            assert read_back(target).shape[:2] == GRAY8.shape, name
        with Image.open(target) as image:
            image.load()
