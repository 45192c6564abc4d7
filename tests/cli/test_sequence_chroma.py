"""Chroma as frames: it goes out by itself, and comes back to the very frames that are made directly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from archivecolor.color import luma_of
from archivecolor.provenance.xmp import Record, noted_in, with_record
from archivecolor.sequences.colors import read_colors
from tests.cli.conftest import Run
from tests.film.sources import FilmSource, decode, moving, packets
from tests.sequences.scans import dpx_bytes, header, picture, read_dpx, write_dpx
from tests.sequences.test_codings import written_exr


def scans(folder: Path, kind: str) -> Path:
    """Four frames of one kind."""
    if kind.startswith("dpx"):
        forms: dict[str, dict[str, Any]] = {
            "dpx10": {"bits": 10, "channels": 3, "user": b"kept" * 20},
            "dpx12 luma": {"bits": 12, "order": "<"},
            "dpx16": {"bits": 16, "channels": 3},
            "dpx8 alpha": {"bits": 8, "channels": 4},
            "dpx density": {"bits": 10, "channels": 3, "transfer": 3},
        }
        return write_dpx(folder, range(86, 90), **forms[kind])
    folder.mkdir(parents=True)
    for n in range(4):
        path = folder / f"f{n:04d}.{kind[:3]}"
        codes = picture(n, 8 if kind.endswith("8") else 16)
        if kind == "exr":
            light = ((codes / 65535) ** 2.2).astype(np.float16)
            light[0, :4] = (0, -0.25, np.inf, np.nan)
            written_exr(path, np.repeat(light[..., None], 3, axis=2), ("R", "G", "B"))
        else:
            cv2.imwrite(str(path), codes.astype(np.uint8) if kind.endswith("8") else codes)
    return folder


@pytest.mark.parametrize(
    "kind", ["dpx10", "dpx12 luma", "dpx16", "dpx8 alpha", "dpx density", "tif", "png 8", "jpg 8", "exr"]
)
def test_a_round_trip_is_the_direct_result_to_the_byte(run: Run, tmp_path: Path, kind: str) -> None:
    if kind == "exr":
        pytest.importorskip("OpenImageIO")
    source, chroma = scans(tmp_path / "in", kind), tmp_path / "chroma"
    graded = ("--saturation", "1.5")
    assert run("video", source, tmp_path / "direct", *graded).code == 0
    lossless = chroma / "f%04d.png" if kind == "jpg 8" else chroma  # JPEG frames come back through a lossless kind
    assert run("video", source, lossless, "--write", "chroma", *graded).code == 0
    done = run("merge", source, chroma, tmp_path / "merged")
    assert done.code == 0, done.err
    assert "luma proved to be its master's, every sample" in done.err
    results = sorted((tmp_path / "direct").iterdir())
    assert [p.name for p in sorted((tmp_path / "merged").iterdir())] == [p.name for p in results]
    for result in results:
        assert (tmp_path / "merged" / result.name).read_bytes() == result.read_bytes()
    assert {p.suffix for p in chroma.iterdir()} >= {".cube", ".cdl"}


def test_chroma_frames_have_an_even_luma(run: Run, tmp_path: Path) -> None:
    source = scans(tmp_path / "in", "dpx10")
    assert run("video", source, tmp_path / "chroma", "--write", "chroma").code == 0
    for path in sorted((tmp_path / "chroma").glob("*.dpx")):
        _, samples = read_dpx(path.read_bytes())
        assert np.ptp(luma_of(samples)) == 0
        assert samples.std(axis=2).mean() > 1, "is gray"


def test_chroma_that_was_graded_elsewhere_keeps_the_masters_luma_and_its_own_colors(run: Run, tmp_path: Path) -> None:
    source, chroma = scans(tmp_path / "in", "dpx10"), tmp_path / "chroma"
    assert run("video", source, chroma, "--write", "chroma").code == 0
    for path in chroma.glob("*.dpx"):
        found, samples = read_dpx(path.read_bytes())
        path.write_bytes(dpx_bytes(np.array([900, 100, 40], np.uint16) + 0 * samples, found))  # a red that fits nowhere
    assert run("merge", source, chroma, tmp_path / "merged").code == 0
    for path in sorted((tmp_path / "merged").glob("*.dpx")):
        _, samples = read_dpx(path.read_bytes())
        _, was = read_dpx((source / path.name).read_bytes())
        assert np.array_equal(luma_of(samples), luma_of(was))
        assert (samples[..., 0].astype(int) - samples[..., 2]).mean() > 300, "is red"


def test_frames_that_cannot_be_read_have_no_chroma_and_are_copied_by_merge(run: Run, tmp_path: Path) -> None:
    source, chroma = write_dpx(tmp_path / "in", range(8), channels=3), tmp_path / "chroma"
    torn = source / "reel1.000003.dpx"
    torn.write_bytes(torn.read_bytes()[:3000])
    done = run("video", source, chroma, "--write", "chroma")
    assert done.code == 7
    assert "reel1.000003.dpx" in done.err
    assert not (chroma / torn.name).exists()
    assert run("merge", source, chroma, tmp_path / "merged").code == 7
    assert (tmp_path / "merged" / torn.name).read_bytes() == torn.read_bytes()
    assert len(list((tmp_path / "merged").iterdir())) == 8


def test_frames_and_films_take_each_others_chroma(run: Run, tmp_path: Path) -> None:
    source = scans(tmp_path / "in", "dpx10")
    film, frames = tmp_path / "chroma.mkv", tmp_path / "chroma"
    assert run("video", source, tmp_path / "direct.mkv", "--for", "master").code == 0
    assert run("video", source, tmp_path / "direct").code == 0
    assert run("video", source, film, "--write", "chroma").code == 0
    assert run("video", source, frames, "--write", "chroma").code == 0
    made = [run("merge", source, chroma, tmp_path / out) for chroma, out in ((film, "a.mkv"), (film, "b"))]
    made += [run("merge", source, frames, tmp_path / "c.mkv")]
    for done in made:
        assert done.code == 0, done.err
        assert "luma proved to be its master's, every sample" in done.err
    for other in ("a.mkv", "c.mkv"):
        assert packets(tmp_path / other, "video") == packets(tmp_path / "direct.mkv", "video")
    for path in (tmp_path / "direct").iterdir():
        direct, merged = (read_dpx((folder / path.name).read_bytes())[1] for folder in (path.parent, tmp_path / "b"))
        assert np.array_equal(direct, merged)


def test_frames_of_luma_alone_take_chroma_of_a_film(run: Run, tmp_path: Path) -> None:
    source, film = scans(tmp_path / "in", "dpx12 luma"), tmp_path / "chroma.mkv"
    assert run("video", source, tmp_path / "direct").code == 0
    assert run("video", source, film, "--write", "chroma").code == 0
    assert "luma proved to be its master's, every sample" in run("merge", source, film, tmp_path / "merged").err
    for path in (tmp_path / "direct").iterdir():
        near = [read_dpx((f / path.name).read_bytes())[1].astype(int) for f in (path.parent, tmp_path / "merged")]
        assert np.abs(near[0] - near[1]).mean() < 8, "of 4095"


def test_a_film_gives_its_chroma_as_frames(run: Run, tmp_path: Path) -> None:
    film = FilmSource(moving(4)).write(tmp_path / "a.mkv")
    assert run("video", film, tmp_path / "direct" / "%04d.tif").code == 0
    assert run("video", film, tmp_path / "chroma" / "%04d.tif", "--write", "chroma").code == 0
    done = run("merge", film, tmp_path / "chroma", tmp_path / "merged" / "%04d.tif")
    assert "luma proved to be its master's, every sample" in done.err
    for path in (tmp_path / "direct").iterdir():
        assert (tmp_path / "merged" / path.name).read_bytes() == path.read_bytes()
    assert run("merge", film, tmp_path / "chroma", tmp_path / "merged.mkv").code == 0
    assert np.array_equal(decode(tmp_path / "merged.mkv").lumas, decode(film).lumas)


def other_size(path: Path) -> None:
    wide = np.repeat(picture(1, 10, 40, 60)[..., None], 3, axis=2).astype(np.uint16)
    path.write_bytes(dpx_bytes(wide, header(size=(40, 60), channels=3)))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda c: (c / "reel1.000089.dpx").unlink(), "has 3 frames, 86 to 88, its master reel1.%06d.dpx 4, 86 to 89"),
        (lambda c: (c / "reel1.000086.dpx").rename(c / "reel1.000090.dpx"), "that only one of them has is 86"),
        (lambda c: other_size(c / "reel1.000088.dpx"), "reel1.000088.dpx: is 60 x 40, its master 97 x 54"),
        (lambda c: (c / "reel1.000088.dpx").write_bytes(b"SDPX"), "reel1.000088.dpx: ends inside its header"),
        (lambda c: write_dpx(c, range(86, 90)), "stores no chroma: every frame is gray"),
    ],
)
def test_chroma_of_other_frames_is_one_clear_line_before_anything_is_written(
    run: Run, tmp_path: Path, spoil: Any, said: str
) -> None:
    source, chroma = scans(tmp_path / "in", "dpx10"), tmp_path / "chroma"
    assert run("video", source, chroma, "--write", "chroma").code == 0
    spoil(chroma)
    before = sorted(tmp_path.rglob("*"))
    done = run("merge", source, chroma, tmp_path / "out")
    assert done.code == 3
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_what_would_lose_chroma_or_a_file_is_refused(run: Run, tmp_path: Path) -> None:
    source, chroma = scans(tmp_path / "in", "jpg 8"), tmp_path / "chroma"
    done = run("video", source, chroma, "--write", "chroma")
    assert done.code == 2
    assert "JPEG is lossy" in done.err
    frames = chroma / "f%04d.tif"
    assert run("video", source, frames, "--write", "chroma", "--warmth", "0.2").code == 0
    for path in (*chroma.glob("*.tif"), chroma / "f.cdl"):
        path.unlink()
    taken = run("video", source, frames, "--write", "chroma", "--warmth", "0.2")
    assert taken.code == 5
    assert "f.cube: already exists" in taken.err
    assert not list(chroma.glob("*.tif"))
    assert run("video", source, frames, "--write", "chroma", "--overwrite").code == 0
    same = run("merge", source, frames, frames, "--overwrite")
    assert same.code == 5
    assert "is the chroma itself" in same.err


def test_a_record_is_found_again(tmp_path: Path) -> None:
    record = Record("archivecolor 1.0", "archive", "ab" * 32, "settings: <warmth> & more")
    packet = with_record(None, record)
    noted = noted_in(packet)
    assert noted is not None
    assert with_record(None, noted) == packet
    assert noted_in(b'<x><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF></x>') is None
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 40, 3), np.uint8))
    assert read_colors(tmp_path / "a.png").record is None
