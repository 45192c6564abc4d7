"""What a reviewer does on the page is in OUT when the page is told so, and acts at once."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archivecolor import ColorSettings, FolderSettings, StillFormat, color_folder
from archivecolor.errors import OutputError
from archivecolor.inference import select
from archivecolor.jobs.journal import FOLDER, Journal, read_journal
from archivecolor.jobs.mark_book import keep_marks, kept_marks
from archivecolor.jobs.marks import Mark, Verdict, instant
from archivecolor.report import making
from archivecolor.review import queue
from archivecolor.review.kept import Kept
from archivecolor.runs.folder.again import Again
from archivecolor.settings import AlreadyColor, OutputSettings
from tests.cli.conftest import tree, write
from tests.fakes.engines import FailingEngine, FakeEngine, by_luma
from tests.review.conftest import PAINTED, Reviewed, layer_png, painted_in, review_of
from tests.stills.sources import luma_of


def middle(path: Path) -> tuple[int, int, int]:
    with Image.open(path) as image:
        red, green, blue = np.asarray(image.convert("RGB"))[20, 30].astype(int)
    return int(red), int(green), int(blue)


def items_of(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = [dict(zip(e["fields"], e["row"], strict=True)) | {"was": e["id"]} for e in events if e["type"] == "item"]
    wrongs = [e["wrong"] for e in events if e["type"] == "item"]
    return [row | {"wrong": wrong} for row, wrong in zip(rows, wrongs, strict=True)]


def test_a_mark_is_on_the_disk_when_it_is_confirmed_and_comes_back(reviewed: Reviewed) -> None:
    ids = reviewed.ids
    told = {ids["a.png"]: ["accepted", None, "anna", "good"], ids["sub/c.png"]: ["rejected", None, "anna", ""]}
    with reviewed.events() as events:
        assert next(events)["type"] == "hello"
        assert reviewed.post("api/marks", told).is_success
        assert next(events) == {"type": "marks", "ids": list(told), "page": ""}
    kept = kept_marks(reviewed.out)
    assert {path: (m.verdict, m.by, m.note) for path, m in kept.items()} == {
        "a.png": (Verdict.ACCEPTED, "anna", "good"),
        "sub/c.png": (Verdict.REJECTED, "anna", ""),
    }
    found = reviewed.client.get("api/marks").json()
    assert {name: row[0] for name, row in found.items()} == {ids["a.png"]: "accepted", ids["sub/c.png"]: "rejected"}
    assert {row[0]: row[1] for row in reviewed.data["marks"]} == {"a.png": "accepted", "sub/c.png": "rejected"}


def test_the_last_word_counts_whatever_the_page_s_clock_says(reviewed: Reviewed) -> None:
    name = reviewed.ids["a.png"]
    for verdict, at in (("accepted", "2020-01-01T00:00:00Z"), ("rejected", None), ("later", "2021-01-01T00:00:00Z")):
        assert reviewed.post("api/marks", {name: [verdict, at, "", ""]}).is_success
        assert reviewed.client.get("api/marks").json()[name][0] == verdict
        assert kept_marks(reviewed.out)["a.png"].verdict == verdict
    assert reviewed.post("api/marks", {name: None}).is_success
    assert kept_marks(reviewed.out)["a.png"].verdict is Verdict.NONE
    for wrong in (["maybe", None, "", ""], ["accepted"], ["accepted", "never", "", ""], ["accepted", None, 3, ""]):
        answer = reviewed.post("api/marks", {name: wrong})
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("a.png: is no mark")
    assert reviewed.post("api/marks", {"0" * 16: None}).json()["error"] == "there is no such picture"


def test_a_painted_picture_is_made_again_and_the_page_gets_the_new_one(reviewed: Reviewed) -> None:
    before, id_before = tree(reviewed.out), reviewed.ids["a.png"]
    reviewed.post("api/marks", {id_before: ["rejected", None, "", "too red"]})
    reviewed.paint("a.png")
    (item,) = items_of(reviewed.again("a.png"))
    assert (item["source"], item["was"], item["wrong"], item["status"]) == ("a.png", id_before, "", "colored")
    assert item["id"] != id_before
    assert item["id"] == reviewed.ids["a.png"]
    assert reviewed.client.get(f"pictures/{item['id'][:2]}/{item['id']}.jpg").status_code == 200
    after = tree(reviewed.out)
    assert [name for name in before if before[name] != after[name]] == ["a.png"]
    red, _, blue = middle(reviewed.out / "a.png")
    assert blue > red + 20
    luma = [np.asarray(Image.open(folder / "a.png").convert("RGB")) for folder in (reviewed.source, reviewed.out)]
    np.testing.assert_array_equal(luma_of(luma[0]), luma_of(luma[1]))
    assert painted_in(reviewed.out) == {"a.png"}
    assert reviewed.client.get("api/marks").json() == {}, "the mark was on the earlier one"
    assert reviewed.data["marks"] == []
    made = making.plan(reviewed.out, "0")
    assert {mark.verdict for mark in made.marks.marks.values()} <= {Verdict.NONE}
    assert reviewed.post("api/marks", {id_before: ["accepted", None, "", ""]}).is_success, (
        "a page that has not heard yet"
    )
    assert list(reviewed.client.get("api/marks").json()) == [item["id"]]


def test_a_later_run_of_the_folder_leaves_what_the_review_made(reviewed: Reviewed) -> None:
    reviewed.paint("a.png")
    reviewed.again("a.png")
    after = tree(reviewed.out)
    assert color_folder(reviewed.source, reviewed.out).colored == 0
    assert tree(reviewed.out) == after
    (reviewed.out / "a.png").unlink()
    assert color_folder(reviewed.source, reviewed.out).colored == 1
    assert tree(reviewed.out) == after, "with its paint"


def test_several_pictures_queue_and_what_is_rubbed_out_is_plain_again(reviewed: Reviewed) -> None:
    plain = tree(reviewed.out)
    for name in ("a.png", "b.jpg", "sub/c.png"):
        reviewed.paint(name)
    assert {item["source"] for item in items_of(reviewed.again("a.png", "b.jpg", "sub/c.png"))} == set(plain)
    assert not any(plain[name] == content for name, content in tree(reviewed.out).items())
    for name in ("a.png", "sub/c.png"):
        assert reviewed.post("api/strokes", {"layer": f"{name}.png", "painted": None}).is_success
        assert not (reviewed.out / FOLDER / "hints" / f"{name}.png").exists()
    reviewed.again("a.png", "sub/c.png")
    after = tree(reviewed.out)
    assert [name for name in plain if plain[name] == after[name]] == ["a.png", "sub/c.png"]
    assert list(reviewed.client.get("api/strokes").json()) == ["b.jpg.png"]


def test_what_would_come_out_the_same_is_left_and_said(reviewed: Reviewed) -> None:
    before = tree(reviewed.out)
    (item,) = items_of(reviewed.again("a.png"))
    assert item["wrong"] == "is as it would be made"
    assert tree(reviewed.out) == before


def test_an_item_that_fails_says_why_and_the_others_are_made(
    colored: tuple[Path, Path], engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with review_of(*colored) as reviewed:
        reviewed.paint("a.png")
        reviewed.paint("b.jpg")
        (reviewed.source / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
        heard = {item["source"]: item for item in items_of(reviewed.again("a.png", "b.jpg"))}
        assert heard["a.png"]["status"] == "failed"
        assert "is damaged" in heard["a.png"]["wrong"]
        assert heard["b.jpg"]["wrong"] == ""
        assert reviewed.client.get("").is_success


def test_an_engine_that_fails_brings_nothing_down(colored: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    failing = FailingEngine(1, by_luma)
    monkeypatch.setattr(select, "open_engine", lambda *_, **__: failing)
    with review_of(*colored) as reviewed:
        reviewed.paint("a.png")
        (item,) = items_of(reviewed.again("a.png"))
        assert item["wrong"].startswith("engine")
        (item,) = items_of(reviewed.again("a.png"))
        assert item["wrong"] == ""


def test_a_result_that_somebody_altered_is_not_replaced(reviewed: Reviewed) -> None:
    write(reviewed.out / "a.png", seed=9)
    mine = (reviewed.out / "a.png").read_bytes()
    reviewed.paint("a.png")
    (item,) = items_of(reviewed.again("a.png"))
    assert "its result was altered since it was made" in item["wrong"]
    assert (reviewed.out / "a.png").read_bytes() == mine


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


def test_a_second_review_of_the_same_is_refused(reviewed: Reviewed) -> None:
    with pytest.raises(OutputError, match="is being reviewed already") as caught:
        Kept(reviewed.out)
    assert str(reviewed.out) in caught.value.message


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


def test_marks_that_another_command_brings_are_heard_and_count(reviewed: Reviewed) -> None:
    ids = reviewed.ids
    assert reviewed.post("api/marks", {ids["b.jpg"]: ["accepted", None, "ben", ""]}).is_success
    later = instant((datetime.now(UTC) + timedelta(minutes=1)).isoformat())
    with reviewed.events() as events:
        next(events)
        mine = Mark(later, "ada", Verdict.REJECTED, "too red", "a.png")
        keep_marks(reviewed.out, [mine, Mark("2020-01-01T00:00:00.000Z", "eve", Verdict.ACCEPTED, "", "sub/c.png")])
        heard = next(event for event in events if event["type"] == "marks")
        assert heard == {"type": "marks", "ids": [ids["a.png"]], "page": ""}, "the other is on an earlier result"
        found = reviewed.client.get("api/marks").json()
        assert found[ids["a.png"]] == ["rejected", later, "ada", "too red"]
        assert found.keys() == {ids["a.png"], ids["b.jpg"]}
        keep_marks(reviewed.out, [Mark(later, "ada", Verdict.LATER, "", "b.jpg")])
        assert next(event for event in events if event["type"] == "marks")["ids"] == [ids["b.jpg"]]


def test_the_page_on_the_disk_is_up_to_date_at_the_end(colored: tuple[Path, Path]) -> None:
    from tests.report.test_page import data_of

    with review_of(*colored) as reviewed:
        reviewed.paint("a.png")
        reviewed.again("a.png")
        ids = reviewed.ids
        reviewed.post("api/marks", {ids["a.png"]: ["accepted", None, "", ""]})
    data = data_of(colored[1].with_name("out-report") / "index.html")
    assert {item["source"]: item["id"] for item in data["items"]} == ids
    assert [(path, verdict) for path, verdict, *_ in data["marks"]] == [("a.png", "accepted")]
    thumbs = {p.name[:16] for p in colored[1].with_name("out-report").glob("thumbs/*/*.jpg")}
    assert thumbs == set(ids.values()), "those of earlier results are gone"


def test_layers_that_were_painted_elsewhere_are_not_lost(reviewed: Reviewed) -> None:
    layer = reviewed.out / FOLDER / "hints" / "a.png.png"
    layer.write_bytes(layer_png((1, 2, 3)))
    answer = reviewed.post("api/strokes", {"layer": "a.png.png", "painted": PAINTED})
    assert answer.status_code == 409
    assert "was not painted here, and would be lost" in answer.json()["error"]
    assert reviewed.put("api/layers/a.png.png", layer_png()).status_code == 409
    assert layer.read_bytes() == layer_png((1, 2, 3))


def test_an_item_with_paint_that_is_not_here_is_not_made_without_it(colored: tuple[Path, Path], tmp_path: Path) -> None:
    source, out = colored
    (tmp_path / "hints").mkdir()
    (tmp_path / "hints" / "a.png.png").write_bytes(layer_png())
    color_folder(source, out, FolderSettings(color=ColorSettings(hints=tmp_path / "hints")))
    painted = tree(out)
    with review_of(*colored) as reviewed:
        (item,) = items_of(reviewed.again("a.png"))
        assert "was painted with layers that are not there: 0 (give --hints-dir" in item["wrong"]
        assert tree(out) == painted
    with review_of(*colored, hints=tmp_path / "hints") as reviewed:
        (item,) = items_of(reviewed.again("a.png"))
        assert item["wrong"] == "is as it would be made"


def test_who_reviews_is_remembered(colored: tuple[Path, Path]) -> None:
    for name in ("", "Anna"):
        with review_of(*colored) as reviewed:
            assert reviewed.client.get("api/reviewer").json() == name
            assert reviewed.post("api/reviewer", "Anna").is_success


def test_without_a_journal_there_are_marks_and_no_making(tmp_path: Path, engine: FakeEngine) -> None:
    write(tmp_path / "out" / "a.png")
    with review_of(tmp_path, tmp_path / "out") as reviewed:
        name = reviewed.ids["a.png"]
        assert reviewed.post("api/marks", {name: ["accepted", None, "", ""]}).is_success
        answer = reviewed.post("api/again", [name])
        assert answer.status_code == 400
        assert "OUT has no journal" in answer.json()["error"]
        assert reviewed.client.get("src/a.png").status_code == 404


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


def test_a_review_without_paint_leaves_no_folder_for_it(colored: tuple[Path, Path]) -> None:
    with review_of(*colored):
        pass
    assert not (colored[1] / FOLDER / "hints").exists()


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


@pytest.mark.parametrize(
    "wrong",
    [
        *({"width": 0}, {"height": "40"}, {"width": 1e9}, {"source": 3}, {"strokes": 3}, {"strokes": [1]}),
        *({"strokes": [{"color": "url(x)", "width": 1, "points": [1, 2]}]}, {"strokes": [{"points": [1, 2]}]}),
        {"strokes": [{"color": "#000000", "width": 1, "points": [1, float("nan")]}]},
        {"strokes": [{"color": "#000000", "width": 1, "points": []}]},
    ],
)
def test_what_no_page_draws_is_neither_kept_nor_given_to_one(reviewed: Reviewed, wrong: dict[str, Any]) -> None:
    answer = reviewed.post("api/strokes", {"layer": "a.png.png", "painted": PAINTED | wrong})
    assert answer.status_code == 400
    reviewed.review.desk.kept.keep_strokes("a.png.png", PAINTED | wrong)
    reviewed.review.desk.kept.keep_strokes("b.jpg.png", PAINTED)
    (reviewed.out / FOLDER / "review" / "strokes" / "torn.json").write_bytes(b'{"layer": "x')
    assert reviewed.client.get("api/strokes").json() == {"b.jpg.png": PAINTED}
