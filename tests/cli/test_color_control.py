"""``folder`` with what steers color: hints, a reference, and maps of confidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.chroma.confidence import confidence_of
from archivecolor.jobs.journal import confidence_path, read_journal
from tests.cli.conftest import Run, tree
from tests.fakes.engines import FakeEngine


def stroke(path: Path, color: tuple[int, int, int] = (40, 60, 220), size: tuple[int, int] = (60, 40)) -> Path:
    """A layer with one stroke over the middle."""
    width, height = size
    rgba = np.zeros((height, width, 4), np.uint8)
    rgba[height // 2 - 3 : height // 2 + 3, 5:-5] = (*color, 255)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgba).save(path)
    return path


def test_only_painted_pictures_are_painted_and_made_again_when_somebody_paints_on(
    run: Run, source: Path, out: Path, tmp_path: Path
) -> None:
    run("folder", source, out)
    plain = tree(out)
    stroke(tmp_path / "hints" / "sub" / "z.png")
    done = run("folder", source, out, "--hints-dir", tmp_path / "hints")
    assert "1 colored" in done.err
    painted = tree(out)
    assert [name for name in plain if plain[name] != painted[name]] == ["sub/z.bmp"]
    with Image.open(out / "sub" / "z.bmp") as image:
        red, _, blue = np.asarray(image)[20, 30].astype(int)
    assert blue > red + 20
    assert "0 colored" in run("folder", source, out, "--hints-dir", tmp_path / "hints").err
    stroke(tmp_path / "hints" / "sub" / "z.png", color=(220, 60, 40))
    assert "1 colored" in run("folder", source, out, "--hints-dir", tmp_path / "hints").err


def test_every_page_of_a_file_is_painted_and_counts_in_its_confidence(run: Run, out: Path, tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((40, 60), level, np.uint8)) for level in (120, 90)]
    (tmp_path / "in").mkdir()
    pages[0].save(tmp_path / "in" / "album.tif", save_all=True, append_images=pages[1:])
    hints = tmp_path / "hints"

    def confidence() -> float:
        run("folder", tmp_path / "in", out, "--hints-dir", hints)
        (entry,) = read_journal(out)
        return entry.confidence or 0

    hints.mkdir()
    plain = confidence()
    stroke(hints / "album.tif" / "2.png")
    half = confidence()
    stroke(hints / "album.tif" / "1.png")
    assert 2 * half == pytest.approx(plain + confidence(), abs=1e-3), "half of it was painted"
    assert half > plain + 0.01
    assert "0 colored" in run("folder", tmp_path / "in", out, "--hints-dir", hints).err
    stroke(hints / "album.tif" / "3.png")
    done = run("folder", tmp_path / "in", out, "--hints-dir", hints)
    assert done.code == 7
    assert "3.png: names no page of album.tif (it has 2)" in done.err


def test_hints_for_no_picture_are_a_warning(run: Run, source: Path, out: Path, tmp_path: Path) -> None:
    stroke(tmp_path / "hints" / "nobody.png")
    done = run("folder", source, out, "--hints-dir", tmp_path / "hints")
    assert done.code == 0
    assert f"{tmp_path / 'hints' / 'nobody.png'}: there is no picture of that name" in done.err


def test_hints_of_another_shape_fail_their_picture_alone(run: Run, source: Path, out: Path, tmp_path: Path) -> None:
    layer = stroke(tmp_path / "a.png", size=(40, 40))
    done = run("folder", source, out, "--hints", layer)
    assert done.code == 7
    assert sorted(tree(out)) == ["m.tif", "sub/z.bmp"]
    assert f"{layer}: is 40 x 40, its picture 60 x 40 (paint on a layer" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--hints", "none.png"), "none.png: there are no such hints"),
        (("--hints-dir", "none"), "none: is not a folder"),
        (("--hints", __file__), "hints are PNG files"),
        (("--hints", __file__, "--hints-dir", "."), "cannot be used together"),
        (("--saturation", "4"), "saturation is 4"),
        (("--warmth", "2"), "warmth is 2"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    run: Run, source: Path, out: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = run("folder", source, out, *arguments)
    assert done.code == 2
    assert message in done.err
    assert not out.exists()


def test_another_reference_makes_results_again_and_a_bad_one_stops_the_run(
    run: Run, source: Path, out: Path, tmp_path: Path
) -> None:
    reference = tmp_path / "reference.png"
    rng = np.random.default_rng(0)
    for count, color in enumerate(((40, 60, 150), (150, 60, 40))):
        noise = rng.normal(0, 20, (64, 96, 3)) + rng.normal(0, 25, (64, 96, 1))
        Image.fromarray(np.clip(color + noise, 0, 255).astype(np.uint8)).save(reference)
        done = run("folder", source, out, "--reference", reference)
        assert "3 colored" in done.err, count
    reference.write_bytes(b"no picture")
    done = run("folder", source, out, "--reference", reference)
    assert done.code == 3
    assert f"{reference}: " in done.err


def test_confidence_is_told_noted_and_on_request_drawn(run: Run, source: Path, out: Path) -> None:
    done = run("folder", source, out, "--confidence", "--json")
    expected = float(confidence_of(np.array(10, np.float32)))
    assert [record["confidence"] for record in done.records] == [pytest.approx(expected, abs=1e-4)] * 3
    assert [entry.confidence for entry in read_journal(out)] == [pytest.approx(expected, abs=1e-4)] * 3
    for name in tree(out):
        with Image.open(confidence_path(out, out / name)) as image:
            assert (image.format, image.mode) == ("PNG", "L")
    assert "0 colored" in run("folder", source, out).err  # a map changes no result
    assert "3 colored" in run("folder", source, out, "--overwrite").err
    assert not any(confidence_path(out, out / name).exists() for name in tree(out)), "maps of other results are gone"


def test_where_somebody_painted_nothing_is_guessed(run: Run, source: Path, out: Path, tmp_path: Path) -> None:
    layer = stroke(tmp_path / "a.png")
    done = run("folder", source, out, "--confidence", "--hints", layer, "--json")
    sure = {Path(record["source"]).name: record["confidence"] for record in done.records}
    assert sure["a.png"] > sure["m.tif"] + 0.05
    with Image.open(confidence_path(out, out / "a.png")) as image:
        drawn = np.asarray(image)
    assert drawn[drawn.shape[0] // 2, drawn.shape[1] // 2] == 255


def test_no_map_is_drawn_unless_asked_for_or_without_confidence(
    run: Run, source: Path, out: Path, engine: FakeEngine
) -> None:
    run("folder", source, out)
    assert not (out / ".archivecolor" / "confidence").exists()
    engine.spread = None
    done = run("folder", source, out, "--confidence", "--overwrite", "--json")
    assert [record.get("confidence") for record in done.records] == [None] * 3
    assert not (out / ".archivecolor" / "confidence").exists()
