"""References on disk: what is taken for one, what is remembered, and how much memory they take."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.chroma.control import reference_files
from archivecolor.chroma.control import references as looking
from archivecolor.chroma.control.alike import Advice
from archivecolor.chroma.control.reference_files import digest_of, photographs_in
from archivecolor.chroma.control.references import References
from archivecolor.errors import EngineError, InputError, Stopped
from tests.fakes.engines import FakeEngine, fake_folder

Draw = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("ARCHIVECOLOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "references"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "references"


@pytest.fixture
def draw(folder: Path) -> Draw:
    def draw(name: str, luma: int = 120, size: int = 64, *, gray: bool = False) -> Path:
        """A photograph of one luma, in stripes of four colors unless it is gray."""
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        stripes = np.array(((40, -20, 0), (-40, 20, 0), (0, 8, -41), (0, -8, 41)))[np.arange(size) * 4 // size]
        rgb = np.clip(luma + (0 if gray else 1) * stripes[:, None], 0, 255).astype(np.uint8)
        Image.fromarray(np.repeat(rgb, size, axis=1)).save(path)
        return path

    return draw


def advice(references: References, engine: FakeEngine, luma: float) -> Advice | None:
    seen = np.full((64, 64), luma, np.float32)
    [found] = references.advice([seen], engine.estimate(seen[None, None], features=True))
    return found


def test_the_likest_of_a_folder_are_heard(draw: Draw, folder: Path) -> None:
    for luma in (40, 60, 80, 100, 140, 170, 200):
        draw(f"box {luma % 3}/{luma}.png", luma)
    engine = FakeEngine()
    references = References(engine, [folder])
    found = advice(references, engine, 200 / 255)
    assert found is not None
    assert found.names[0] == "200.png"
    assert references.heard == set(found.names)


def test_a_picture_that_is_like_none_hears_none(draw: Draw) -> None:
    engine = FakeEngine()
    references = References(engine, [draw("dark.png", 60)])
    assert advice(references, engine, 0.95) is None
    assert references.heard == set()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: Image.new("L", (64, 64), 90).save(path), r"a.png: is not in color \(a reference is"),
        (lambda path: Image.new("RGB", (64, 20), "red").save(path), r"a.png: is 64 x 20, too small to compare with"),
        (lambda path: path.write_bytes(b""), r"a.png: is empty"),
        (lambda path: path.write_bytes(path.read_bytes()[:99]), r"a.png: "),
        (lambda path: path.unlink(), r"a.png: there is no such file"),
    ],
    ids=["gray", "tiny", "empty", "cut", "missing"],
)
def test_what_is_no_reference_is_told_in_one_line(draw: Draw, spoil: Callable[[Path], None], message: str) -> None:
    path = draw("a.png")
    spoil(path)
    with pytest.raises(InputError, match=message) as told:
        References(FakeEngine(), [path])
    assert "\n" not in str(told.value)


def test_a_huge_one_is_refused_by_its_header(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_LARGEST_MEGAPIXELS", 0.004)
    with pytest.raises(InputError, match=r"a.png: has 0 megapixels \(as a reference, a copy of one will do\)"):
        References(FakeEngine(), [draw("a.png", size=65)])


def test_a_generator_that_cannot_compare_says_so(draw: Draw) -> None:
    with pytest.raises(EngineError, match="'fake' does not tell what it sees, and so cannot look for what is alike"):
        References(FakeEngine(folder=fake_folder(features=0)), [draw("a.png")])


class TestFolders:
    def test_what_is_no_reference_is_warned_of_and_left_out(
        self, draw: Draw, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        draw("good.png")
        for number in range(5):
            draw(f"gray {number}.png", gray=True)
        (folder / "notes.txt").write_text("of the garden")
        draw(".hidden.png")
        engine = FakeEngine()
        with caplog.at_level(logging.WARNING):
            References(engine, [folder])
        said = [record.getMessage() for record in caplog.records]
        assert len(said) == 4, "three by name, and how many there are"
        assert said[-1] == f"{folder}: 5 of 6 photographs are no references"

    def test_without_any_it_is_refused(self, draw: Draw, folder: Path) -> None:
        folder.mkdir()
        with pytest.raises(InputError, match="references: holds no photographs"):
            References(FakeEngine(), [folder])
        draw("gray.png", gray=True)
        with pytest.raises(InputError, match="references: holds no photograph in color"):
            References(FakeEngine(), [folder])

    def test_each_is_looked_at_once_in_all_runs_until_it_changes(self, draw: Draw, folder: Path) -> None:
        for luma in (60, 120, 180):
            draw(f"{luma}.png", luma)
        draw("gray.png", gray=True)
        counts = []
        for changed in (None, None, "120.png", None):
            if changed:
                draw(changed, 121, size=66)
            engine = FakeEngine()
            References(engine, [folder])
            counts.append(engine.pictures)
        assert counts == [3, 0, 1, 0]

    def test_another_generator_looks_for_itself(self, draw: Draw, folder: Path, cache: Path) -> None:
        draw("a.png")
        for size in (64, 96):
            References(FakeEngine(folder=fake_folder(short_px=size)), [folder])
        assert len(list(cache.iterdir())) == 2

    @pytest.mark.parametrize("spoilt", [b"", b"PK\3\4nothing", None])
    def test_a_spoilt_memory_is_made_anew(self, draw: Draw, folder: Path, cache: Path, spoilt: bytes | None) -> None:
        draw("a.png")
        References(FakeEngine(), [folder])
        [path] = cache.iterdir()
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if spoilt is None else spoilt)
        engine = FakeEngine()
        References(engine, [folder])
        assert engine.pictures == 1
        assert path.read_bytes() == whole

    def test_where_nothing_can_be_remembered_it_works_all_the_same(self, draw: Draw, folder: Path, cache: Path) -> None:
        draw("a.png")
        cache.parent.mkdir()
        cache.write_text("in the way")
        engine = FakeEngine()
        assert advice(References(engine, [folder]), engine, 120 / 255) is not None

    def test_a_stopped_one_keeps_what_it_has_looked_at(
        self, draw: Draw, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reference_files, "_SAVE_EVERY", 2)
        for luma in range(60, 180, 20):
            draw(f"{luma}.png", luma)
        engine = FakeEngine()
        with pytest.raises(Stopped):
            References(engine, [folder], stopped=lambda: engine.pictures == 5)
        again = FakeEngine()
        References(again, [folder])
        assert again.pictures == 6 - 4

    def test_memory_holds_the_places_of_few(self, draw: Draw, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(looking, "_HELD", 2)
        for luma in range(30, 230, 20):
            draw(f"{luma}.png", luma)
        engine = FakeEngine()
        references = References(engine, [folder])
        for luma in (50, 210, 50):
            assert advice(references, engine, luma / 255) is not None
        assert len(references._held) == 2

    def test_one_that_is_gone_meanwhile_is_warned_of(
        self, draw: Draw, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = draw("a.png")
        engine = FakeEngine()
        references = References(engine, [folder])
        path.unlink()
        assert advice(references, engine, 120 / 255) is None
        assert "a.png: there is no such file" in caplog.text


class TestDigests:
    def test_of_a_photograph_what_it_holds(self, draw: Draw) -> None:
        path = draw("a.png")
        first = digest_of([path])
        assert digest_of([path.rename(path.with_name("b.png"))]) == first
        assert digest_of([draw("b.png", 99)]) != first

    def test_of_a_folder_which_files_are_in_it(self, draw: Draw, folder: Path) -> None:
        draw("a.png")
        first = digest_of([folder])
        (folder / "notes.txt").write_text("no photograph")
        assert digest_of([folder]) == first
        draw("box/b.png")
        second = digest_of([folder])
        assert second != first
        (folder / "box" / "b.png").unlink()
        (folder / "box" / "b.png").symlink_to("nothing")
        assert digest_of([folder]) == first

    def test_names_that_are_no_text_are_names(self, draw: Draw, folder: Path) -> None:
        path = draw("a.png")
        path.rename(path.with_name(b"\xff.png".decode(errors="surrogateescape")))
        assert len(photographs_in(folder)) == 1
        assert len(digest_of([folder])) == 64
