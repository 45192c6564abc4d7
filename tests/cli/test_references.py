"""``folder`` with references: single ones, several, folders of them, and those that are like nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.chroma.control import alike
from archivecolor.chroma.control.references import NOT_ALIKE
from archivecolor.inference import catalog
from archivecolor.jobs.journal import journal_path, read_journal
from tests.cli.conftest import Run, photograph, tree
from tests.fakes.engines import FakeEngine


def reference(path: Path, *, blue: int = 60, height: int = 40) -> Path:
    """The photographs of `source` as they might have been in color: one hue and another, luma as theirs is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hues = np.array(((-0.19, 0, 0.5), (0.19, -0.29, 0.5)))[np.arange(height) * 2 // height] * blue
    rgb = photograph(7, height)[..., None] + hues[:, None]
    Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8)).save(path)
    return path


def blueness(path: Path) -> float:
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB")).astype(float)
    return float((rgb[..., 2] - rgb[..., 0]).mean())


def test_what_is_alike_takes_the_references_colors(run: Run, source: Path, out: Path, tmp_path: Path) -> None:
    run("folder", source, tmp_path / "plain")
    done = run("folder", source, out, "--reference", reference(tmp_path / "blue.png"))
    assert done.code == 0
    assert NOT_ALIKE not in done.err
    for name in ("a.png", "m.tif", "sub/z.bmp"):
        assert blueness(out / name) > blueness(tmp_path / "plain" / name) + 5
    with Image.open(out / "a.png") as image:
        assert "reference blue.png" in image.info["XML:com.adobe.xmp"]


def test_one_that_is_like_nothing_changes_nothing_and_that_is_told_and_noted(
    run: Run, source: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alike, "ALIKE", 1.1)
    run("folder", source, tmp_path / "plain", "--no-embed")
    done = run("folder", source, out, "--reference", reference(tmp_path / "blue.png"), "--no-embed")
    assert done.code == 0
    assert NOT_ALIKE in done.err
    assert tree(out) == tree(tmp_path / "plain")
    assert [entry.warnings for entry in read_journal(out)] == [(NOT_ALIKE,)] * 3


def test_several_and_a_folder_of_them_are_taken_together(run: Run, source: Path, out: Path, tmp_path: Path) -> None:
    paths = [reference(tmp_path / "refs" / f"box {i}" / f"{i}.png", blue=50 + i) for i in range(3)]
    (tmp_path / "refs" / "gray.jpg").write_bytes(b"")
    single = [x for path in paths for x in ("--reference", path)]
    done = run("folder", source, out, *single, "--references", tmp_path / "refs")
    assert done.code == 0
    assert "gray.jpg: is empty" in done.err
    assert "refs: 1 of 4 photographs are no references" in done.err


def test_with_other_references_in_the_folder_results_are_made_again_and_with_the_same_not(
    run: Run, source: Path, out: Path, tmp_path: Path
) -> None:
    reference(tmp_path / "refs" / "a.png")
    arguments = ("folder", source, out, "--references", tmp_path / "refs")
    assert "3 colored" in run(*arguments).err
    assert "0 colored" in run(*arguments).err
    reference(tmp_path / "refs" / "b.png", blue=30)
    assert "3 colored" in run(*arguments).err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--reference", "."), 2, ".: is a folder"),
        (("--references", __file__), 2, "--reference takes one photograph"),
        (("--references", "none"), 2, "none: is not a folder"),
        (("--references", "empty"), 3, "empty: holds no photographs"),
        (("--reference", __file__), 3, "test_references.py: is no picture"),
    ],
)
def test_what_is_no_reference_is_one_error_and_nothing_is_made(
    run: Run,
    source: Path,
    out: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, str],
    code: int,
    message: str,
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    done = run("folder", source, out, *arguments)
    assert done.code == code
    assert message in done.err
    assert tree(out) == {}


def test_a_generator_that_cannot_compare_is_told_before_anything_is_begun(
    run: Run, source: Path, out: Path, tmp_path: Path, engine: FakeEngine
) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    text = (catalog.find().path / "engine.toml").read_text(encoding="utf-8")
    (folder / "engine.toml").write_text(text.replace("features = 432", "features = 0"), encoding="utf-8")
    assert catalog.read(folder).features == 0
    done = run("folder", source, out, "--reference", reference(tmp_path / "blue.png"), "--generator", folder)
    assert done.code == 6
    assert "does not tell what it sees, and so cannot look for what is alike" in done.err
    assert engine.pictures == 0
    assert not out.exists()


def test_a_run_that_is_dry_needs_no_look_at_them(run: Run, source: Path, out: Path, tmp_path: Path) -> None:
    done = run("folder", source, out, "--references", reference(tmp_path / "refs" / "a.png").parent, "--dry-run")
    assert done.code == 0
    assert "3" in done.err


def test_references_on_record_are_used_again_and_where_they_are_gone_the_result_is_left(
    run: Run, source: Path, out: Path, tmp_path: Path
) -> None:
    paths = [reference(tmp_path / "refs" / "a.png").parent, reference(tmp_path / "b.png")]
    run("folder", source, out, "--references", paths[0], "--reference", paths[1])
    made = tree(out)
    assert "0 colored" in run("folder", source, out).err
    photographed = source / "a.png"
    photographed.write_bytes(photographed.read_bytes() + b"\0")  # another source: it is made again, as it was
    assert "1 colored" in run("folder", source, out).err
    assert tree(out) == made
    paths[1].unlink()
    photographed.write_bytes(photographed.read_bytes() + b"\0")
    done = run("folder", source, out)
    assert "0 colored" in done.err
    assert "the hints or the reference they were made with are gone" in done.err
    assert tree(out) == made


@pytest.mark.parametrize("told", ["no list", "[]", "[1]", '{"a": 1}', "null"])
def test_a_journal_that_names_no_references_is_no_error(
    run: Run, source: Path, out: Path, tmp_path: Path, told: str
) -> None:
    run("folder", source, out, "--reference", reference(tmp_path / "blue.png"))
    path = journal_path(out)
    place = re.compile(r'(?<="references_path":)"(?:[^"\\]|\\.)*"')
    text, count = place.subn(lambda _: json.dumps(told), path.read_text(encoding="utf-8"))
    assert count
    path.write_text(text, encoding="utf-8")
    (source / "a.png").write_bytes((source / "a.png").read_bytes() + b"\0")
    assert run("folder", source, out).code == 0
