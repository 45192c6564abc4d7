"""Films in a review: painted frames, progress, and an end that is continued."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from archivecolor import color_folder
from tests.cli.conftest import write
from tests.fakes.engines import FakeEngine, SlowEngine, by_luma
from tests.film.sources import FilmSource, decode, moving
from tests.review.conftest import PAINTED, items_of, layer_png, painted_in, review_of


@pytest.fixture
def mixed(tmp_path: Path, engine: FakeEngine) -> tuple[Path, Path]:
    """SRC and OUT with a photograph and a film of three shots."""
    source, out = tmp_path / "in", tmp_path / "out"
    write(source / "a.png")
    FilmSource([*moving(20), *moving(20, seed=5), *moving(20, seed=8)]).write(source / "reel.mkv")
    assert color_folder(source, out).colored == 2
    return source, out


def frame_layer(source: Path) -> bytes:
    height, width = decode(source / "reel.mkv").lumas[0].shape
    return layer_png((40, 60, 220), (width, height))


def test_a_painted_frame_colors_its_shot_and_the_page_hears_how_far_it_is(mixed: tuple[Path, Path]) -> None:
    source, out = mixed
    before = decode(out / "reel.mkv")
    with review_of(source, out) as reviewed:
        layer = "reel.mkv/0-00-00.900.png"
        assert reviewed.post("api/strokes", {"layer": layer, "painted": PAINTED}).is_success
        assert reviewed.put(f"api/layers/{layer}", frame_layer(source)).is_success
        events = reviewed.again("reel.mkv")
        (item,) = items_of(events)
        assert (item["wrong"], item["kind"], item["status"]) == ("", "film", "colored")
        states = [job["state"] for event in events for job in event.get("jobs", [])]
        assert {"waiting", "working"} <= set(states)
        shares = [job["share"] for event in events for job in event.get("jobs", [])]
        assert shares == sorted(shares), "reading the film and coloring it are one way"
        assert shares[-1] > 0
        picture = f"pictures/{item['id'][:2]}/{item['id']}.jpg"
        assert reviewed.client.get(picture).is_success
    after = decode(out / "reel.mkv")
    moved = [np.abs(a.astype(int) - b.astype(int)).mean() for a, b in zip(after.cb, before.cb, strict=True)]
    assert min(moved[20:40]) > 2 * max(moved[:20] + moved[40:]), "that shot, and no other"
    assert painted_in(out) == {"reel.mkv"}
    assert color_folder(source, out).colored == 0


def test_photographs_do_not_wait_for_a_film_and_a_stopped_film_stays_in_the_queue(
    mixed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = mixed
    slow = SlowEngine(0.3, by_luma)
    monkeypatch.setattr("archivecolor.inference.select.open_engine", lambda *_, **__: slow)
    before = (out / "reel.mkv").read_bytes()
    layer = "reel.mkv/0-00-00.900.png"
    with review_of(source, out) as reviewed:
        reviewed.post("api/strokes", {"layer": layer, "painted": PAINTED})
        reviewed.put(f"api/layers/{layer}", frame_layer(source))
        assert reviewed.post("api/again", [reviewed.ids["reel.mkv"]]).is_success
        until = time.monotonic() + 30
        while not any(job["state"] == "working" for job in reviewed.review.queue.record()["jobs"]):  # type: ignore[union-attr]
            assert time.monotonic() < until
            time.sleep(0.01)
        reviewed.paint("a.png")
        heard = []
        with reviewed.events() as events:
            assert reviewed.post("api/again", [reviewed.ids["a.png"]]).is_success
            for event in events:
                heard.append(event)
                if event["type"] == "item":
                    break
        assert items_of(heard)[0]["source"] == "a.png"
        assert "reel.mkv" in [job["name"] for job in reviewed.review.queue.record()["jobs"]]  # type: ignore[union-attr]
    assert (out / "reel.mkv").read_bytes() == before, "a film that was stopped is the earlier one, whole"
    slow.seconds, slow.closed = 0, False
    with review_of(source, out) as reviewed:
        until = time.monotonic() + 60
        while reviewed.review.queue and reviewed.review.queue.record()["jobs"]:
            assert time.monotonic() < until
            time.sleep(0.05)
    assert (out / "reel.mkv").read_bytes() != before
    assert sorted(p.name for p in out.iterdir()) == [".archivecolor", "a.png", "reel.mkv"]


def test_a_film_is_not_made_again_once_it_was_taken_out(
    mixed: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = mixed
    monkeypatch.setattr("archivecolor.inference.select.open_engine", lambda *_, **__: SlowEngine(0.2, by_luma))
    before = (out / "reel.mkv").read_bytes()
    with review_of(source, out) as reviewed:
        layer = "reel.mkv/0-00-00.900.png"
        reviewed.post("api/strokes", {"layer": layer, "painted": PAINTED})
        reviewed.put(f"api/layers/{layer}", frame_layer(source))
        with reviewed.events() as events:
            assert reviewed.post("api/again", [reviewed.ids["reel.mkv"]]).is_success
            for event in events:
                if [job["state"] for job in event.get("jobs", [])] == ["working"]:
                    assert reviewed.post("api/drop", ["reel.mkv"]).is_success
                    break
            assert any(event.get("jobs") == [] for event in events)
        assert list(reviewed.review.desk.kept.queue()) == []
    assert (out / "reel.mkv").read_bytes() == before
