"""What is made again of a review: with the settings, the paint and the source that it had."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor import ColorSettings, FolderSettings, StillFormat, color_folder
from archivecolor.jobs.journal import FOLDER, Journal, read_journal
from archivecolor.jobs.mark_book import kept_marks
from archivecolor.review import queue
from archivecolor.runs.folder.again import Again
from archivecolor.settings import AlreadyColor, OutputSettings
from tests.cli.conftest import tree, write
from tests.fakes.engines import FakeEngine
from tests.review.conftest import PAINTED, Reviewed, items_of, layer_png, middle, painted_in, review_of


def test_a_later_run_of_the_folder_leaves_what_the_review_made(reviewed: Reviewed) -> None:
    reviewed.paint("a.png")
    reviewed.again("a.png")
    after = tree(reviewed.out)
    assert color_folder(reviewed.source, reviewed.out).colored == 0
    assert tree(reviewed.out) == after
    (reviewed.out / "a.png").unlink()
    assert color_folder(reviewed.source, reviewed.out).colored == 1
    assert tree(reviewed.out) == after, "with its paint"


def test_while_another_run_is_writing_items_wait_for_it(reviewed: Reviewed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_BUSY_S", 0.2)
    reviewed.paint("a.png")
    name = reviewed.ids["a.png"]
    with reviewed.events() as events:
        with Journal(reviewed.out):
            assert reviewed.post("api/again", [name]).is_success
            for event in events:
                if [job["state"] for job in event.get("jobs", [])] == ["busy"]:
                    break
        assert any(event["type"] == "item" and event["wrong"] == "" for event in events)


def test_a_folder_run_is_let_in_between(reviewed: Reviewed) -> None:
    reviewed.paint("a.png")
    reviewed.again("a.png")
    write(reviewed.source / "new.png", seed=7)
    assert color_folder(reviewed.source, reviewed.out).colored == 1


def test_what_was_not_made_when_the_review_ended_is_made_by_the_next(colored: tuple[Path, Path]) -> None:
    with review_of(*colored) as reviewed:
        reviewed.paint("a.png")
        reviewed.paint("sub/c.png")
        with Journal(reviewed.out):  # another run is writing
            assert reviewed.post("api/again", [reviewed.ids["a.png"], reviewed.ids["sub/c.png"]]).is_success
            reviewed.review.events.close()
            assert reviewed.review.queue
            reviewed.review.queue.close()
    plain = middle(colored[1] / "a.png")
    with review_of(*colored) as reviewed:
        assert {*reviewed.client.get("api/strokes").json()} == {"a.png.png", "sub/c.png.png"}
        until = time.monotonic() + 30
        while reviewed.review.queue and reviewed.review.queue.record()["jobs"]:
            assert time.monotonic() < until
            time.sleep(0.02)
        assert middle(colored[1] / "a.png") != plain
        assert painted_in(colored[1]) == {"a.png", "sub/c.png"}


def test_a_source_that_moved_is_given_or_nothing_is_made(colored: tuple[Path, Path]) -> None:
    source, out = colored
    moved = source.rename(source.with_name("moved"))
    with review_of(source, out) as reviewed:
        answer = reviewed.post("api/again", [reviewed.ids["a.png"]])
        assert "the SRC of the last run, is not there: give --source" in answer.json()["error"]
    with review_of(source, out, source=moved) as reviewed:
        reviewed.paint("a.png")
        (item,) = items_of(reviewed.again("a.png"))
        assert item["wrong"] == ""


def test_results_keep_the_settings_that_they_were_made_with(tmp_path: Path, engine: FakeEngine) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    write(source / "a.png", seed=1)
    write(source / "b.jpg", seed=2)
    reference = tmp_path / "reference.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)).save(reference)
    settings = FolderSettings(
        color=ColorSettings(strength=0.5, warmth=0.25, references=(reference,)),
        output=OutputSettings(format=StillFormat.TIFF, embed_record=False, sidecar=True),
        confidence=True,
        jobs=1,
    )
    assert color_folder(source, out, settings).colored == 2
    before = {entry.source: entry for entry in read_journal(out)}
    moved = reference.rename(tmp_path / "moved.png")
    with review_of(source, out) as reviewed:
        reviewed.paint("a.png")
        (item,) = items_of(reviewed.again("a.png"))
        assert "was colored by references that are not known here (give the same photographs" in item["wrong"]
    with review_of(source, out, references=(moved,)) as reviewed:
        (item,) = items_of(reviewed.again("a.png"))
        assert item["wrong"] == ""
        assert item["result"] == "a.tif"
    after = {entry.source: entry for entry in read_journal(out)}
    assert after["b.jpg"] == before["b.jpg"]
    assert sorted(tree(out)) == ["a.tif", "a.tif.premis.xml", "b.tif", "b.tif.premis.xml"]
    digest = (out / "a.tif.premis.xml").read_text()
    assert ((after["a.png"].result_file and after["a.png"].result_file.sha256) or "?") in digest
    assert b"xmp" not in (out / "a.tif").read_bytes().lower()
    moved.rename(reference)
    assert color_folder(source, out, settings).colored == 0, "it is as the same command makes it, with its paint"


def test_what_is_in_color_already_is_colored_when_that_is_asked_for(tmp_path: Path, engine: FakeEngine) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    write(source / "a.png")
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)).save(source / "c.png")
    color_folder(source, out)
    assert not (out / "c.png").exists()
    with review_of(source, out) as reviewed:
        name = reviewed.ids["c.png"]
        with reviewed.events() as events:
            assert reviewed.post("api/marks", {name: ["recolor", None, "", ""]}).is_success
            (item,) = items_of([next(event for event in events if event["type"] == "item")])
        assert (item["status"], item["result"], item["wrong"]) == ("colored", "c.png", "")
    assert color_folder(source, out, FolderSettings(already_color=AlreadyColor.SKIP)).colored == 0


def test_a_name_of_bytes_is_painted_on_and_made_again(tmp_path: Path, engine: FakeEngine) -> None:
    source, out, name = tmp_path / "in", tmp_path / "out", os.fsdecode(b"box \xff/b \xfe#?.png")
    write(source / name)
    color_folder(source, out)
    with review_of(source, out) as reviewed:
        coded = b"api/layers/box%20%FF/b%20%FE%23%3F.png.png".decode()
        assert reviewed.post("api/strokes", {"layer": f"{name}.png", "painted": PAINTED}).is_success
        assert reviewed.put(coded, layer_png()).is_success
        assert (out / FOLDER / "hints" / f"{name}.png").read_bytes() == layer_png()
        (item,) = items_of(reviewed.again(name))
        assert item["wrong"] == ""
        assert reviewed.client.get("out/box%20%FF/b%20%FE%23%3F.png").content == (out / name).read_bytes()


def test_an_item_is_made_once_however_often_it_is_asked_for(
    colored: tuple[Path, Path], engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_BUSY_S", 600.0)  # what is under way may be asked for once more: each is tried once
    with review_of(*colored) as reviewed:
        jobs = reviewed.review.queue
        assert jobs
        with Journal(reviewed.out):
            jobs.put([Again("a.png"), Again("b.jpg", forget_hints=True)])
            until = time.monotonic() + 60
            while {job["state"] for job in jobs.record()["jobs"]} != {"busy"} and time.monotonic() < until:
                time.sleep(0.01)
            for _ in range(5):
                jobs.put([Again("a.png"), Again("b.jpg", forget_hints=True)])
            jobs.put([Again("b.jpg")])
            names = [job["name"] for job in jobs.record()["jobs"]]
            assert sorted(names)[-1] == "b.jpg"
            assert names.count("b.jpg") == 1
            assert [again for again in reviewed.review.desk.kept.queue() if again.name == "b.jpg"] == [
                Again("b.jpg", forget_hints=True)
            ]
            assert reviewed.post("api/drop", ["b.jpg"]).is_success
            assert "b.jpg" not in [job["name"] for job in jobs.record()["jobs"]]


def test_many_pages_and_hands_at_once(reviewed: Reviewed) -> None:
    ids = list(reviewed.ids.values())
    wrong: list[str] = []

    def hand(number: int) -> None:
        for i in range(10):
            answer = reviewed.post("api/marks", {ids[(number + i) % 3]: ["accepted", None, f"hand {number}", ""]})
            if not answer.is_success:
                wrong.append(answer.text)

    hands = [threading.Thread(target=hand, args=(n,)) for n in range(6)]
    for one in hands:
        one.start()
    for one in hands:
        one.join()
    assert wrong == []
    lines = (reviewed.out / FOLDER / "marks.jsonl").read_text().splitlines()
    assert len(lines) == 60
    assert {m.path: m for m in kept_marks(reviewed.out).values()} == kept_marks(reviewed.out)
