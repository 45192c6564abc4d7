"""What a reviewer does on the page is in OUT when the page is told so, and acts at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archivecolor import ColorSettings, FolderSettings, color_folder
from archivecolor.errors import OutputError
from archivecolor.inference import select
from archivecolor.jobs.journal import FOLDER
from archivecolor.jobs.mark_book import keep_marks, kept_marks
from archivecolor.jobs.marks import Mark, Verdict, instant
from archivecolor.report import making
from archivecolor.review.kept import Kept
from archivecolor.runs.folder.again import Again
from tests.cli.conftest import tree, write
from tests.fakes.engines import FailingEngine, FakeEngine, by_luma
from tests.review.conftest import PAINTED, Reviewed, items_of, layer_png, middle, painted_in, review_of
from tests.stills.sources import luma_of


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


def test_what_is_painted_in_one_window_is_told_to_the_others(reviewed: Reviewed) -> None:
    with reviewed.events() as events:
        assert next(events)["type"] == "hello"
        for painted in (PAINTED, None):
            assert reviewed.post("api/strokes?page=one", {"layer": "a.png.png", "painted": painted}).is_success
            told = next(event for event in events if event["type"] == "strokes")
            assert told == {"type": "strokes", "layer": "a.png.png", "painted": painted, "page": "one"}


def test_where_out_was_moved_away_nothing_is_kept_and_no_other_one_is_made(reviewed: Reviewed) -> None:
    away = reviewed.out.with_name("away")
    mark = {reviewed.ids["a.png"]: ["accepted", None, "", ""]}
    reviewed.out.rename(away)
    for refused in (
        reviewed.post("api/marks", mark),
        reviewed.post("api/strokes", {"layer": "a.png.png", "painted": PAINTED}),
        reviewed.put("api/layers/a.png.png", layer_png()),
        reviewed.post("api/again", list(mark)),
    ):
        assert refused.status_code == 409
        assert "is not where it was when the review began" in refused.json()["error"]
    assert not reviewed.out.exists()
    away.rename(reviewed.out)
    assert reviewed.post("api/marks", mark).is_success
    reviewed.paint("b.jpg")
    assert items_of(reviewed.again("b.jpg"))[0]["wrong"] == ""


def test_the_end_of_a_review_whose_out_was_moved_away_makes_no_other_one(colored: tuple[Path, Path]) -> None:
    with review_of(*colored) as reviewed:
        reviewed.paint("a.png")
        queue = reviewed.review.queue
        assert queue
        colored[1].rename(colored[1].with_name("away"))
        with pytest.raises(OutputError, match="is not where it was"):
            queue.put([Again("a.png")])
    assert not colored[1].exists()


def test_a_second_review_of_the_same_is_refused(reviewed: Reviewed) -> None:
    with pytest.raises(OutputError, match="is being reviewed already") as caught:
        Kept(reviewed.out)
    assert str(reviewed.out) in caught.value.message


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


def test_a_review_without_paint_leaves_no_folder_for_it(colored: tuple[Path, Path]) -> None:
    with review_of(*colored):
        pass
    assert not (colored[1] / FOLDER / "hints").exists()


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
