"""The catalog: what is found, what is refused, and damage that is noticed before anything is loaded."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from archivecolor.errors import ConfigurationError, EngineError, UsageError
from archivecolor.inference import catalog
from archivecolor.settings import DEFAULT_GENERATOR

TOML = """
format = 1
name = "fine"
summary = "made by hand"
[input]
short_px = 256
multiple = 32
chroma_stride = 4
[generator]
context = 32
decoder = [16, 16, 8]
palette = 16
heads = 2
encoder = "lite0"
classifier_features = false
[sha256]
"generator.onnx" = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"weights.safetensors" = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""
"""The digests are those of b'abc' and of nothing (FIPS 180-2)."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "fine"
    made.mkdir()
    (made / "engine.toml").write_text(TOML, encoding="utf-8")
    (made / catalog.GRAPH).write_bytes(b"abc")
    (made / catalog.WEIGHTS).touch()
    return made


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """The folder of all engines, with one in it and one that is none."""
    (folder.parent / "notes").mkdir()
    monkeypatch.setattr(catalog, "engines_root", lambda: folder.parent)
    return folder.parent


def test_a_folder_is_read_as_its_description_says(folder: Path) -> None:
    read = catalog.read(folder)
    assert (read.path, read.name, read.summary) == (folder, "fine", "made by hand")
    assert (read.short_px, read.multiple, read.chroma_stride) == (256, 32, 4)
    assert (read.context, read.decoder, read.palette, read.heads) == (32, (16, 16, 8), 16, 2)
    assert (read.encoder, read.classifier_features, read.blocks) == ("lite0", False, (0, 0))
    assert (read.graph, read.weights) == (folder / "generator.onnx", folder / "weights.safetensors")
    read.verify()


@pytest.mark.parametrize("name", [catalog.GRAPH, catalog.WEIGHTS])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(b"abd"), "is damaged, its sha256 is not the recorded one"),
        (lambda path: path.unlink(), "cannot be read: No such file"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read: Is a directory"),
    ],
    ids=["changed", "missing", "a folder"],
)
def test_a_damaged_or_missing_file_is_told_by_name(
    folder: Path, name: str, damage: Callable[[Path], object], message: str
) -> None:
    damage(folder / name)
    with pytest.raises(EngineError, match=rf"{name}: {message}.*\(reinstall archivecolor\)"):
        catalog.read(folder).verify()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format = 1", "format = 2", "has format 2, this archivecolor reads format 1"),
        ("format = 1", "", "has format None"),
        ("[input]", "[given]", "'input' is None, should be dict"),
        ("short_px = 256", 'short_px = "256"', "'short_px' is '256', should be int"),
        ("heads = 2", "", "'heads' is None, should be int"),
        ('encoder = "lite0"', "", "'encoder' is None, should be str"),
        ('"made by hand"', "3", "'summary' is 3, should be str"),
        ("[16, 16, 8]", "[16, 16]", r"'decoder' is \[16, 16\], should be 3 integers"),
        ("[16, 16, 8]", '[16, 16, "8"]', r"'decoder' is .*, should be 3 integers"),
        ("= 2\n", "= 2\nblocks = [4]\n", r"'blocks' is \[4\], should be 2 integers"),
        ("[16, 16, 8]", "16", "'decoder' is 16, should be list"),
        ("[sha256]", "[sha1]", "'sha256' is None, should be dict"),
        ('"weights.safetensors" =', '"weights.bin" =', "'weights.safetensors' is None, should be str"),
        ("format = 1", "format = ", "cannot be read: "),
    ],
)
def test_a_wrong_description_is_told_with_its_key(folder: Path, old: str, new: str, message: str) -> None:
    assert old in TOML
    (folder / "engine.toml").write_text(TOML.replace(old, new), encoding="utf-8")
    with pytest.raises(EngineError, match=rf"engine\.toml: {message}"):
        catalog.read(folder)


def test_a_description_that_is_missing_or_no_text_is_told(folder: Path) -> None:
    (folder / "engine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(EngineError, match=r"engine\.toml: cannot be read"):
        catalog.read(folder)
    with pytest.raises(EngineError, match=r"engine\.toml: cannot be read"):
        catalog.read(folder.parent / "nowhere")


def test_a_generator_is_found_by_name_or_by_path(
    root: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert catalog.find("fine").path == folder
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "mine"
    shutil.copytree(folder, elsewhere)
    assert catalog.find(str(elsewhere)).path == elsewhere
    assert [f.name for f in catalog.available()] == ["fine"]
    assert root == folder.parent


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fin", "did you mean 'fine'?"),
        ("zzz", "installed: fine"),
        ("notes", "installed: fine"),
        ("", "installed: fine"),
        ("../fine", "did you mean 'fine'?"),
    ],
)
def test_an_unknown_generator_is_a_usage_error_that_helps(
    name: str, hint: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    with pytest.raises(UsageError) as told:
        catalog.find(name)
    assert told.value.message == f"there is no generator '{name}'"
    assert told.value.hint == hint


def test_without_any_generator_the_hint_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(catalog, "engines_root", lambda: tmp_path)
    with pytest.raises(UsageError, match=r"no generator 'archive' \(installed: none\)"):
        catalog.find()


def test_the_generator_that_ships_is_whole_and_the_default() -> None:
    folder = catalog.find()
    assert folder.name == DEFAULT_GENERATOR
    assert folder in catalog.available()
    folder.verify()


@pytest.mark.parametrize(("key", "value"), [("multiple", 0), ("multiple", -32), ("short_px", 1_000_000)])
def test_a_generator_that_asks_for_impossible_pictures_is_refused(key: str, value: int, folder: Path) -> None:
    text = "\n".join(f"{key} = {value}" if line.startswith(key) else line for line in TOML.splitlines())
    (folder / "engine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=f"'{key}' is {value}"):
        catalog.read(folder)
