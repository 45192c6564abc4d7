"""What evaluation finds in a tree: photographs, films, folders of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.errors import InputError
from archivecolor.evaluation.sources import find, is_film
from tests.film.sources import FilmSource, moving


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Photographs, a film, two folders of frames, and what is neither."""
    for name in ("b.png", "walk/00.png", "walk/01.png", "run/00.png", "run/01.png", "run/02.png", "lone/x.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((16, 16, 3), 90, np.uint8)).save(path)
    FilmSource(moving(3), chroma=1).write(tmp_path / "film.mkv")
    (tmp_path / "a film.mp4").write_text("no film")
    (tmp_path / "notes.txt").write_text("Box 7: twelve reels")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / ".hidden.png").write_bytes((tmp_path / "b.png").read_bytes())
    return tmp_path


def test_films_are_told_from_photographs_by_content(tree: Path) -> None:
    found = find(tree)
    assert [str(p.relative_to(tree)) for p in found.clips] == ["film.mkv"]
    assert [str(p.relative_to(tree)) for p in found.stills] == [
        *("a film.mp4", "b.png", "empty.jpg", "lone/x.png", "notes.txt"),
        *("run/00.png", "run/01.png", "run/02.png", "walk/00.png", "walk/01.png"),
    ]


def test_folders_of_pictures_are_clips_where_that_is_said(tree: Path) -> None:
    found = find(tree, frames=True)
    assert [str(p.relative_to(tree)) for p in found.clips] == ["run", "walk", "film.mkv"]
    assert found.stills == ()


def test_a_single_file_is_found_as_what_it_is(tree: Path) -> None:
    assert find(tree / "b.png").stills == (tree / "b.png",)
    assert find(tree / "film.mkv").clips == (tree / "film.mkv",)


def test_a_text_is_no_film_though_ffmpeg_would_play_it(tree: Path) -> None:
    assert not is_film(tree / "notes.txt")
    assert not is_film(tree / "b.png")


def test_a_heic_is_a_photograph_though_ffmpeg_would_play_it(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif", reason="HEIC needs the extra heif")
    path = tmp_path / "still.heic"
    heif.from_pillow(Image.fromarray(np.full((64, 64, 3), 90, np.uint8))).save(path)
    assert find(tmp_path).stills == (path,)


def test_what_holds_nothing_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{tmp_path}: holds no files"):
        find(tmp_path)
    with pytest.raises(InputError, match="missing: there is no such file"):
        find(tmp_path / "missing")
    (tmp_path / "notes.txt").write_text("Box 7")
    with pytest.raises(InputError, match="no folder of frames"):
        find(tmp_path, frames=True)
