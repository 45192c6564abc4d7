"""The page as a file: nothing in it is markup that was not written as such, and nothing foreign is overwritten."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from archivecolor.errors import OutputError
from archivecolor.report import making
from tests.report.conftest import make
from tests.report.runs import HOSTILE, TWO_LINES, colored, failed, picture, write_journal


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.S)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    data["items"] = [dict(zip(data["fields"], row, strict=True)) for row in data["items"]]
    return data


def test_names_come_back_from_the_page_as_they_were(page: Path) -> None:
    names = {item["source"] for item in data_of(page)["items"]}
    assert {*HOSTILE, TWO_LINES} <= names


def test_no_name_becomes_markup(page: Path) -> None:
    text = page.read_text()
    assert text.count("<script") == 2
    assert text.count("</script") == 2
    assert "<img src=x" not in text
    assert text.encode("ascii", "replace").count(b"\xff") == 0


def test_the_policy_allows_the_page_s_own_script_and_style_alone(page: Path) -> None:
    text = page.read_text()
    policy = html.unescape(re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[0])
    for tag, directive in (('<script type="module">', "script-src"), ("<style>", "style-src")):
        start = text.index(tag) + len(tag)
        body = text[start : text.index("</", start)]
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r'(src|href)="(https?:)?//', text), "no resource from elsewhere"


def test_texts_that_many_items_share_are_held_once(tmp_path: Path) -> None:
    entries = [failed(f"{i}.jpg", f"/s/{i}.jpg: is damaged: ends early", "scan it again") for i in range(50)]
    write_journal(tmp_path / "out", *entries)
    made = make(tmp_path / "out")
    text = made.path.read_text()
    assert text.count("is damaged: ends early") == text.count('"scan it again"') == 1


def test_what_has_no_picture_says_so_and_claims_nothing_of_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    picture(out / "a.png", 5, (60, 40))
    write_journal(out, colored("a.png"), failed("c.png", "x"))
    rows = {item["source"]: item for item in data_of(make(out).path)["items"]}
    of_pictures = ("shown", "map", "size", "duration", "frames", "pages", "matrix")
    assert [rows["a.png"][field] for field in of_pictures] == [True, False, "60x40", "", [], 1, "601"]
    assert [rows["c.png"][field] for field in of_pictures] == [False, False, "", "", [], 1, "601"]


def test_an_archive_s_name_is_only_text(tmp_path: Path) -> None:
    out = tmp_path / "<b>&amp; \n\udcff"
    picture(out / "a.png")
    text = make(out).path.read_text()
    assert re.findall(r"<title>(.*?)</title>", text, re.S) == ["&lt;b&gt;&amp;amp; \ufffd\ufffd"]


def test_the_page_goes_beside_the_results_and_finds_them_from_there(tmp_path: Path) -> None:
    out = tmp_path / "color"
    picture(out / "a.png")
    made = make(out)
    assert made.path == tmp_path / "color-report" / "index.html"
    assert data_of(made.path)["root"] == "../color"
    elsewhere = make(out, folder=tmp_path / "x" / "y")
    assert data_of(elsewhere.path)["root"] == "../../color"


def test_marks_of_a_result_are_found_again_unless_it_changed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    picture(out / "a.png"), picture(out / "b.png")
    write_journal(out, colored("a.png"), colored("b.png"), failed("c.png", "x"))

    def ids() -> dict[str, str]:
        return {item["source"]: item["id"] for item in data_of(make(out).path)["items"]}

    first = ids()
    assert ids() == first
    picture(out / "a.png", 5, (50, 50))
    second = ids()
    assert {name for name in first if first[name] != second[name]} == {"a.png"}


def test_somebody_else_s_page_is_not_overwritten(tmp_path: Path) -> None:
    out, folder = tmp_path / "out", tmp_path / "www"
    picture(out / "a.png")
    folder.mkdir()
    (folder / "index.html").write_text("<h1>Our museum</h1>")
    with pytest.raises(OutputError, match="not a review page"):
        making.plan(out, "0", folder=folder)
    assert (folder / "index.html").read_text() == "<h1>Our museum</h1>"
    assert [p.name for p in folder.iterdir()] == ["index.html"]


@pytest.mark.parametrize("place", ["out/report", "in/report", "out", "taken"])
def test_a_page_goes_neither_among_results_nor_among_sources(tmp_path: Path, place: str) -> None:
    picture(tmp_path / "out" / "a.png"), picture(tmp_path / "in" / "a.png")
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match=place):
        making.plan(tmp_path / "out", "0", tmp_path / "in", tmp_path / place)


def test_results_on_another_drive_are_found_by_their_whole_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "out" / "a.png")

    def relpath(*_: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr("os.path.relpath", relpath)
    assert data_of(make(tmp_path / "out").path)["root"] == (tmp_path / "out").as_uri()
