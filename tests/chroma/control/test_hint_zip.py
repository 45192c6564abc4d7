"""Hints as a ZIP: what the page packs is what is unpacked, and nothing leaves the folder or fills the disk."""

from __future__ import annotations

import io
import os
import stat
import struct
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.chroma.control import hint_zip
from archivecolor.chroma.control.hint_zip import as_folder, for_film
from archivecolor.errors import InputError
from archivecolor.settings import ColorSettings

LAYERS = ("box 3/portrait.jpg.png", "album.tif/2.png", "reel.mp4/0-00-01.480.png", "höhe.png")


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))


def layer(seed: int = 0) -> bytes:
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[2:4, 2:6] = (200, 40 + seed, 40, 255)
    coded = io.BytesIO()
    Image.fromarray(rgba).save(coded, "PNG")
    return coded.getvalue()


def packed(path: Path, *names: str | zipfile.ZipInfo, content: bytes | None = None, how: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", how) as file:
        for name in names:
            file.writestr(name, layer() if content is None else content)
    return path


def held(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def assert_refused(path: Path, why: str, tmp_path: Path) -> None:
    before = {p for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(InputError, match=why) as caught, as_folder(path):
        pytest.fail("it was used")
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert {p for p in tmp_path.rglob("*") if p.is_file()} == before, "nothing is left, and nothing was written beside"


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_layers_lie_where_a_folder_of_hints_has_them(tmp_path: Path, how: int) -> None:
    path = packed(tmp_path / "hints.ZIP", "box 3/", *LAYERS, "__MACOSX/._a.png", "notes.txt", ".DS_Store", how=how)
    with as_folder(path) as folder:
        assert folder is not None
        assert held(folder) == {name: layer() for name in LAYERS}
    assert list((tmp_path / "temp").iterdir()) == []


def test_what_is_no_zip_stays_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "folder.zip").mkdir()
    for hints in (None, tmp_path / "a.png", tmp_path / "folder.zip"):
        with as_folder(hints) as folder:
            assert folder == hints


def test_a_name_of_bytes_comes_back_as_the_file_system_has_it(tmp_path: Path) -> None:
    raw = b"bytes \xff\xfe.png"
    bare = "bytes aa.png"
    path = packed(tmp_path / "hints.zip", bare)
    path.write_bytes(path.read_bytes().replace(bare.encode(), raw))
    with as_folder(path) as folder:
        assert folder is not None
        assert list(held(folder)) == [os.fsdecode(raw)]


def test_a_film_takes_its_own_layers_or_those_at_the_top(tmp_path: Path) -> None:
    many = packed(tmp_path / "many.zip", "box/reel.mp4/1.png", "reel.mp4/2.png", "other.mp4/3.png")
    with for_film(ColorSettings(hints=many), "reel.mp4") as color:
        assert color.hints is not None
        assert list(held(color.hints)) == ["2.png"]
    with for_film(ColorSettings(hints=packed(tmp_path / "one.zip", "7.png")), "reel.mp4") as color:
        assert color.hints is not None
        assert list(held(color.hints)) == ["7.png"]


@pytest.mark.parametrize(
    "name",
    [
        "../out.png",
        "a/../../out.png",
        "/tmp/out.png",
        "//host/out.png",
        "a//b.png",
        "./a.png",
        ".hidden/a.png",
        "..\\out.png",
        "C:\\out.png",
        "a\\..\\..\\out.png",
        f"{'x' * 300}.png",
    ],
)
def test_a_name_that_leads_out_refuses_the_zip(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / "hints.zip", "good.png", name)
    assert_refused(path, "names no place in a folder of hints", tmp_path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_refuse_the_zip(tmp_path: Path, kind: int) -> None:
    info = zipfile.ZipInfo("a.png")
    info.external_attr = (kind | 0o777) << 16
    path = packed(tmp_path / "hints.zip", info, content=b"/etc/passwd")
    assert_refused(path, "is a link, or no file", tmp_path)


def test_a_name_that_comes_twice_refuses_the_zip(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = packed(tmp_path / "hints.zip", "a.png", "a.png")
    assert_refused(path, "holds 'a.png' twice", tmp_path)
    path = packed(tmp_path / "hints.zip", "a.png", "a.png/1.png")
    assert_refused(path, "twice", tmp_path)


def test_a_bomb_is_found_by_what_comes_out_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = packed(tmp_path / "hints.zip", "a.png", content=bytes(65 << 20), how=zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 100_000
    content = bytearray(bomb.read_bytes())
    for sign, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):  # it may say that it is small
        content[(start := content.index(sign) + at) : start + 4] = struct.pack("<I", 100)
    lying = tmp_path / "lying.zip"
    lying.write_bytes(content)
    assert_refused(bomb, "larger than a layer can be", tmp_path)
    assert_refused(lying, "larger than a layer can be|is damaged", tmp_path)
    monkeypatch.setattr(hint_zip, "_LARGEST", 2 * len(layer()))
    assert_refused(packed(tmp_path / "many.zip", *LAYERS), "larger than a layer can be", tmp_path)
    monkeypatch.setattr(hint_zip, "_MOST", 3)
    assert_refused(tmp_path / "many.zip", "holds more than 3 layers", tmp_path)


def test_what_is_damaged_encrypted_or_empty_is_refused(tmp_path: Path) -> None:
    whole = packed(tmp_path / "whole.zip", *LAYERS).read_bytes()
    path = tmp_path / "hints.zip"
    path.write_bytes(whole[: len(whole) // 2])
    assert_refused(path, "is damaged", tmp_path)
    path.write_bytes(whole.replace(layer()[50:60], bytes(10), 1))
    assert_refused(path, "is damaged: Bad CRC-32", tmp_path)
    path.write_bytes(b"")
    assert_refused(path, "is damaged", tmp_path)
    locked = bytearray(whole)
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(locked)
    assert_refused(path, "is encrypted", tmp_path)
    assert_refused(packed(path, "readme.txt"), "holds no layers", tmp_path)
    assert_refused(packed(path, "a.png", how=zipfile.ZIP_LZMA), "packed in a way", tmp_path)


@pytest.mark.parametrize("seed", range(20))
def test_no_damage_gets_further_than_one_clear_error(tmp_path: Path, seed: int) -> None:
    path = packed(tmp_path / "hints.zip", *LAYERS, how=zipfile.ZIP_DEFLATED)
    rng = np.random.default_rng(seed)
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    places = rng.integers(0, len(content), 12)
    content[places] = rng.integers(0, 256, 12)
    path.write_bytes(content.tobytes())
    with suppress(InputError), as_folder(path) as folder:
        assert folder is not None
        assert all(name in LAYERS or len(name) < 60 for name in held(folder))
    assert not [p for p in tmp_path.iterdir() if p.name not in ("temp", "hints.zip")]
