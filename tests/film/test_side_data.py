"""Things beside the picture that libavformat's bindings have no name for."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from PIL import Image

from archivecolor.film.form import form_of
from archivecolor.film.side_data import side_data
from archivecolor.frames import Orientation
from tests.film.sources import FilmSource, decode, moving, scene
from tests.runs.film.making import color


def jpegs_with_exif(folder: Path, count: int = 3) -> Path:
    """A film of JPEGs as cameras make it, one behind the other, turned by what their EXIF says."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "Harbour"
    film = folder / "a.mjpeg"
    with film.open("wb") as f:
        for i in range(count):
            Image.fromarray(scene(i)).save(f, "jpeg", quality=90, exif=exif)
    return film


def test_side_data_of_unknown_kinds_has_a_name_and_hides_no_other(tmp_path: Path) -> None:
    with av.open(str(jpegs_with_exif(tmp_path))) as container:
        frame = next(container.decode(video=0))
        found = side_data(frame)
        form = form_of(container.streams.video[0], frame)
    assert set(found) >= {"EXIF", "DISPLAYMATRIX"}
    assert len(found["DISPLAYMATRIX"]) == 36
    assert form.orientation is Orientation.ROTATE_CW


def test_a_film_with_side_data_of_unknown_kinds_is_colored(tmp_path: Path) -> None:
    color(jpegs_with_exif(tmp_path), tmp_path / "b.mkv")
    after = decode(tmp_path / "b.mkv")
    assert len(after.times) == 3
    assert np.ptp(after.cb[0]) > 5


def test_a_frame_without_side_data_has_none(tmp_path: Path) -> None:
    with av.open(str(FilmSource(moving(2)).write(tmp_path / "a.mkv"))) as container:
        assert side_data(next(container.decode(video=0))) == {}
