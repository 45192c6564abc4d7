"""``archivecolor folder`` on a tree of stills and films: one plan, one journal, one report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.inference import select
from archivecolor.jobs.journal import Kind, Status, read_journal
from tests.cli.conftest import Run, no_engine, tree, write
from tests.fakes.engines import FakeEngine
from tests.film.sources import FilmSource, decode, moving, of_two_hues, tinted


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two stills and two films, one of them in a container that archivecolor does not write."""
    source = tmp_path / "in"
    write(source / "a.png", seed=1)
    write(source / "reels/b.png", seed=2)
    FilmSource(moving(12), audio=1).write(source / "reels/c.mkv")
    FilmSource(moving(8, seed=4), encoder="mpeg4").write(source / "d.avi")
    return source


def test_films_are_colored_as_well_as_stills_in_one_run(run: Run, mixed: Path, out: Path) -> None:
    done = run("folder", mixed, out, "--json")
    assert done.code == 0, done.err
    assert sorted(tree(out)) == ["a.png", "d.mkv", "reels/b.png", "reels/c.mkv"]
    assert {Path(r["source"]).name: (r["status"], r["kind"]) for r in done.records} == {
        "a.png": ("colored", "still"),
        "b.png": ("colored", "still"),
        "c.mkv": ("colored", "film"),
        "d.avi": ("colored", "film"),
    }
    assert "4 colored" in done.err
    assert "         stills  films\ncolored  2       2" in done.err
    before, after = decode(mixed / "reels/c.mkv"), decode(out / "reels/c.mkv")
    assert before.times == after.times
    assert np.ptp(after.cb[0].astype(int)) > 8
    entries = {e.source: e for e in read_journal(out)}
    assert (entries["d.avi"].kind, entries["d.avi"].result) == (Kind.FILM, "d.mkv")
    assert [entries["d.avi"].confidence] + [r["confidence"] for r in done.records] == [pytest.approx(0.5)] * 5


def test_the_shots_to_look_at_first_are_told_and_kept_for_the_review_page(run: Run, tmp_path: Path, out: Path) -> None:
    (tmp_path / "in").mkdir()
    FilmSource([*moving(20), *moving(20, seed=5), *moving(20, seed=8)]).write(tmp_path / "in/a.mkv")
    done = run("folder", tmp_path / "in", out)
    told = "least sure of the colors in the shots at 0:00:00.00 (50%), 0:00:00.80 (50%), 0:00:01.60 (50%)"
    assert told in done.err
    (entry,) = read_journal(out)
    assert [shot.start_s for shot in entry.least_sure] == pytest.approx([0, 0.8, 1.6])
    assert [shot.confidence for shot in entry.least_sure] == pytest.approx([0.5] * 3)


def test_a_second_run_leaves_films_alone_and_a_film_setting_redoes_films_alone(
    run: Run, mixed: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("folder", mixed, out)
    with monkeypatch.context() as patch:
        patch.setattr(select, "open_engine", no_engine)
        assert "4 already there" in run("folder", mixed, out).err
    done = run("folder", mixed, out, "--smoothing", "off", "--json")
    assert sorted(Path(r["source"]).name for r in done.records if r["status"] == "colored") == ["c.mkv", "d.avi"]
    done = run("folder", mixed, out, "--smoothing", "off", "--quality", "60")
    assert "0 colored" in done.err


@pytest.mark.parametrize(("kind", "made"), [("stills", ["a.png", "reels/b.png"]), ("films", ["d.mkv", "reels/c.mkv"])])
def test_kind_leaves_out_the_others(kind: str, made: list[str], run: Run, mixed: Path, out: Path) -> None:
    done = run("folder", mixed, out, "--kind", kind, "--json")
    assert (done.code, sorted(tree(out)), len(done.records)) == (0, made, 2)


def test_what_only_bears_a_films_name_is_told_and_the_rest_is_done(run: Run, mixed: Path, out: Path) -> None:
    (mixed / "app.ts").write_text("export const box = 7;\n")
    (mixed / "empty.mp4").touch()
    (mixed / "text.mov").write_text("Box 7, reel 12")
    done = run("folder", mixed, out)
    assert done.code == 7
    assert "1 not a picture" in done.err
    assert "is empty" in done.lines_about("empty.mp4")[0]
    assert len(done.lines_about("text.mov")) == 1
    assert "4 colored" in done.err
    assert "2 failed" in done.err
    assert sorted(tree(out)) == ["a.png", "d.mkv", "reels/b.png", "reels/c.mkv"]
    failed = {e.source for e in read_journal(out) if e.status is Status.FAILED}
    assert failed == {"empty.mp4", "text.mov"}


def test_films_in_color_are_left_out_copied_or_colored_as_stills_are(run: Run, tmp_path: Path, out: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    film = FilmSource(moving(8), chroma=3).write(source / "a.mkv")
    done = run("folder", source, out)
    assert done.code == 0
    assert "1 in color already were left out: --already-color recolor" in done.err
    assert tree(out) == {}
    assert "1 in color already" in run("folder", source, out).err
    run("folder", source, out, "--already-color", "copy")
    assert (out / "a.mkv").read_bytes() == film.read_bytes()
    assert "1 colored" in run("folder", source, out, "--already-color", "recolor").err
    assert (out / "a.mkv").read_bytes() != film.read_bytes()


def test_a_damaged_film_is_written_as_far_as_it_goes_and_the_exit_code_says_so(
    run: Run, tmp_path: Path, out: Path
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    film = FilmSource(moving(50), encoder="libx264", options={"g": "10", "bf": "0"}).write(source / "a.mkv")
    raw = bytearray(film.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 800] = b"\xaa" * 800
    film.write_bytes(raw)
    done = run("folder", source, out, "--json")
    assert done.code == 7
    assert "1 films are damaged" in done.err
    (record,) = done.records
    assert (record["status"], bool(record["warnings"])) == ("colored", True)
    assert decode(out / "a.mkv").times
    again = run("folder", source, out)
    assert again.code == 0
    assert "1 already there" in again.err


def test_a_film_that_was_stopped_goes_on_at_its_own_segments(
    run: Run, tmp_path: Path, out: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import signal

    monkeypatch.setattr("archivecolor.film.segments.LONGEST_S", 1.0)
    source = tmp_path / "in"
    source.mkdir()
    FilmSource([*moving(30), *moving(30, seed=5), *moving(30, seed=8)]).write(source / "a.mkv")
    colorize, asked = engine.colorize, False

    def interrupted(luma: object, hints: object = None) -> object:
        nonlocal asked
        segments = out / ".a.mkv.work/journal.jsonl"
        if not asked and segments.exists() and '"number": 0' in segments.read_text():
            asked = True
            os.kill(os.getpid(), signal.SIGINT)
        return colorize(luma, hints)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(engine, "colorize", interrupted)
        done = run("folder", source, out)
    assert done.code == 130
    assert "0 colored" in done.err
    assert "1 not begun" in done.err
    assert not (out / "a.mkv").exists()
    again = run("folder", source, out)
    assert again.code == 0
    assert "continuing: " in again.err
    assert "1 colored" in again.err
    assert sorted(tree(out)) == ["a.mkv"]


def test_films_that_would_share_a_result_keep_their_suffix(run: Run, tmp_path: Path, out: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    FilmSource(moving(4), encoder="mpeg4").write(source / "a.avi")
    FilmSource(moving(4, seed=2)).write(source / "a.mkv")
    assert run("folder", source, out).code == 0
    assert sorted(tree(out)) == ["a.avi.mkv", "a.mkv.mkv"]


def test_for_chooses_a_container_that_holds_what_is_asked_for(run: Run, tmp_path: Path, out: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    FilmSource(moving(4), encoder="libx264").write(source / "a.mp4")
    assert run("folder", source, out, "--for", "master", "--dry-run").out.splitlines() == [
        f"{source / 'a.mp4'} -> {out / 'a.mkv'}"
    ]
    records = run("folder", source, out, "--for", "share", "--json", "--dry-run").records
    assert json.dumps(records[0]["target"]) == json.dumps(str(out / "a.mp4"))


def test_a_film_of_a_folder_gets_the_hints_in_the_folder_of_its_name(
    run: Run, mixed: Path, out: Path, tmp_path: Path
) -> None:
    run("folder", mixed, out)
    plain = decode(out / "reels" / "c.mkv")
    layer = np.zeros((96, 128, 4), np.uint8)
    layer[:, 20:60] = (250, 0, 0, 255)
    (tmp_path / "hints" / "reels" / "c").mkdir(parents=True)
    Image.fromarray(layer).save(tmp_path / "hints" / "reels" / "c" / "5.png")
    done = run("folder", mixed, out, "--hints-dir", tmp_path / "hints", "--json")
    assert done.code == 0, done.err
    assert [Path(r["source"]).name for r in done.records if r["status"] == "colored"] == ["c.mkv"]
    painted = np.mean(decode(out / "reels" / "c.mkv").cr)
    assert painted > np.mean(plain.cr) + 2
    assert "0 colored" in run("folder", mixed, out).err
    assert run("folder", mixed, out, "--overwrite", "--kind", "films").code == 0
    assert np.mean(decode(out / "reels" / "c.mkv").cr) == pytest.approx(painted, abs=0.1)
    assert "there is no picture of that name" not in done.err


def test_the_colored_frames_of_a_film_lie_in_a_folder_of_its_name(run: Run, tmp_path: Path, out: Path) -> None:
    source, references = tmp_path / "in", tmp_path / "refs" / "reels" / "c"
    for name, seed in (("reels/c.mkv", 1), ("d.mkv", 9)):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        FilmSource(moving(12, seed=seed)).write(source / name)
    references.mkdir(parents=True)
    options = ("--references", tmp_path / "refs", "--for", "master")
    Image.fromarray(of_two_hues(4)).save(references / "4.png")
    assert run("folder", source, out, *options).code == 0
    cr = np.array(decode(out / "reels/c.mkv").cr, float)
    assert (cr[:, :20].mean(axis=(1, 2)) > 145).all(), "red above in each frame"
    other = np.concatenate((tinted(4, tint=(-20, 0, 60))[:48], tinted(4)[48:]))
    Image.fromarray(other).save(references / "4.png")
    assert "2 colored" in run("folder", source, out, *options).err
    assert np.array(decode(out / "reels/c.mkv").cr, float)[:, :20].mean() < 130
