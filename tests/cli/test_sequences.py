"""Scanned frames from the command line: planned, colored into frames of the same kind, proved, continued."""

from __future__ import annotations

import re
import subprocess
import wave
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from archivecolor.color import FloatArray, UIntArray, luma_of
from archivecolor.errors import EngineError
from archivecolor.jobs.journal import read_journal
from tests.cli.conftest import Run
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.sources import FilmSource, decode, moving
from tests.sequences.scans import dpx_bytes, header, picture, read_dpx, write_dpx


def luma(path: Path) -> UIntArray:
    _, samples = read_dpx(path.read_bytes())
    return samples[..., 0] if samples.shape[2] == 1 else luma_of(samples[..., :3])


@pytest.mark.parametrize(("bits", "packing", "order", "channels"), [(10, 1, ">", 1), (12, 1, "<", 3), (8, 0, ">", 4)])
def test_a_folder_of_dpx_becomes_one_of_the_same_form(
    run: Run, tmp_path: Path, bits: int, packing: int, order: str, channels: int
) -> None:
    form = {"bits": bits, "packing": packing, "order": order, "channels": channels, "user": b"kept" * 20}
    scans = write_dpx(tmp_path / "reel1", range(86, 92), **form)
    done = run("video", scans, tmp_path / "out" / "reel1")
    assert done.code == 0, done.err
    results = sorted((tmp_path / "out" / "reel1").iterdir())
    assert [p.name for p in results] == [p.name for p in sorted(scans.iterdir())]
    for result in results:
        before, _ = read_dpx((scans / result.name).read_bytes())
        after, samples = read_dpx(result.read_bytes())
        assert np.array_equal(luma(result), luma(scans / result.name))
        assert samples[..., :3].std(axis=2).mean() > 1, "is gray"
        assert (after.order, after.bits, after.packing) == (order, bits, packing)
        changed = [i for i, (a, b) in enumerate(zip(before.raw, after.raw, strict=True)) if a != b]
        assert set(changed) <= {16, 17, 18, 19, 800}, "the file's size, and that it is RGB"
    assert not [p for p in tmp_path.rglob("*") if p.suffix in (".part", ".work")]


def test_other_readers_see_the_same_samples_and_time_code(run: Run, tmp_path: Path) -> None:
    scans = write_dpx(tmp_path / "reel1", [7, 8], bits=10, channels=3)
    assert run("video", scans / "reel1.######.dpx", tmp_path / "out").code == 0
    result = tmp_path / "out" / "reel1.000008.dpx"
    _, samples = read_dpx(result.read_bytes())
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", result, "-f", "rawvideo", "-pix_fmt", "gbrp10le", "-"],
        capture_output=True,
        check=True,
    ).stdout
    planes = np.frombuffer(raw, "<u2").reshape(3, *samples.shape[:2])
    assert np.array_equal(np.stack((planes[2], planes[0], planes[1]), axis=-1), samples)
    said = subprocess.run(["identify", "-verbose", result], capture_output=True, text=True, check=True).stdout
    assert "Archive XY" in said
    assert "10:00:00:08" in said


def test_gaps_broken_and_differing_frames_are_told_and_kept_as_they_are(run: Run, tmp_path: Path) -> None:
    scans = write_dpx(tmp_path / "reel1", [*range(1, 20), *range(22, 30)])
    torn = scans / "reel1.000005.dpx"
    torn.write_bytes(torn.read_bytes()[:3000])
    (scans / "reel1.000009.dpx").write_bytes(dpx_bytes(picture(9, 10, 40, 60), header(size=(40, 60))))
    (scans / "reel1.11.dpx").write_bytes(b"a stray")
    done = run("video", scans, tmp_path / "out")
    assert re.search(r"at 0:00:01.0\d \(10:00:01:02\): 2 frames are missing: 20 to 21", done.err), done.err
    assert "left out, for another file has the number or writes it otherwise: reel1.11.dpx" in done.err
    assert (
        "reel1.000005.dpx: is too short: 97 x 54 pixels take more than its 3,000 bytes; it is left as it is" in done.err
    )
    assert "reel1.000009.dpx: is 60 x 40, 10 bit luma, display, the others 97 x 54, 10 bit luma, display" in done.err
    assert done.code == 7
    results = {p.name for p in (tmp_path / "out").iterdir()}
    assert results == {p.name for p in scans.iterdir()} - {"reel1.11.dpx"}
    for name in ("reel1.000005.dpx", "reel1.000009.dpx"):
        assert (tmp_path / "out" / name).read_bytes() == (scans / name).read_bytes()


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda s: [p.write_bytes(b"SDPX") for p in s.iterdir()], "9 were tried and none can be read"),
        (lambda s: write_other_size(s, range(1, 7)), "6 of 12 frames are broken or not"),
        (lambda s: pngs(s, range(3)), "holds 2 sequences"),
        (lambda s: [p.unlink() for p in s.iterdir()], "is a folder"),
    ],
)
def test_what_is_no_film_is_one_clear_line(
    run: Run, tmp_path: Path, break_it: Callable[[Path], object], said: str
) -> None:
    scans = write_dpx(tmp_path / "reel1", range(1, 13))
    break_it(scans)
    done = run("video", scans, tmp_path / "out")
    assert done.code == 3
    assert said in done.err
    assert len(done.err.strip().splitlines()) <= 2
    assert not (tmp_path / "out").exists()


def write_other_size(scans: Path, numbers: Iterable[int]) -> None:
    for n in numbers:
        (scans / f"reel1.{n:06d}.dpx").write_bytes(dpx_bytes(picture(n, 10, 40, 60), header(size=(40, 60))))


def pngs(folder: Path, numbers: Iterable[int]) -> None:
    for n in numbers:
        png(folder / f"stills.{n}.png", n)


def png(path: Path, number: int, deep: bool = False) -> None:
    codes = picture(number, 16 if deep else 8)
    Image.fromarray(codes if deep else codes.astype(np.uint8)).save(path)


@pytest.mark.parametrize(("suffix", "deep"), [(".tif", True), (".png", False), (".jpg", False)])
def test_stills_that_are_frames_are_proved_frame_by_frame(run: Run, tmp_path: Path, suffix: str, deep: bool) -> None:
    scans = tmp_path / "in" / "reel"
    scans.mkdir(parents=True)
    for n in range(5):
        png(scans / f"f{n:04d}{suffix}", n, deep)
    assert run("video", scans, tmp_path / "out" / "reel").code == 0
    done = run("verify", tmp_path / "out", "--source", tmp_path / "in")
    assert done.code == 0, done.err
    assert "5 of 5 results proved" in done.err


def test_a_run_that_is_stopped_continues_and_gives_the_same(run: Run, tmp_path: Path, engine: FakeEngine) -> None:
    scans = write_dpx(tmp_path / "reel1", range(40))
    assert run("video", scans, tmp_path / "whole", "--fps", "1").code == 0

    def failing(luma: FloatArray) -> FloatArray:
        if engine.pictures > 2 * before - 3:
            raise EngineError("out of power")
        return by_luma(luma)

    before, engine._chroma = engine.pictures, failing
    assert run("video", scans, tmp_path / "out", "--fps", "1").code != 0
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").glob("*.dpx"))
    engine._chroma = by_luma
    done = run("video", scans, tmp_path / "out", "--fps", "1")
    assert "continuing: " in done.err
    for path in (tmp_path / "whole").iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_nothing_is_replaced_without_being_asked(run: Run, tmp_path: Path) -> None:
    scans = write_dpx(tmp_path / "reel1", range(4))
    assert run("video", scans, scans).code == 5
    assert run("video", scans, tmp_path / "out").code == 0
    done = run("video", scans, tmp_path / "out")
    assert done.code == 5
    assert "already exists" in done.err
    assert run("video", scans, tmp_path / "out", "--overwrite").code == 0


def test_a_folder_counts_a_sequence_as_one_film_and_numbered_photographs_as_photographs(
    run: Run, tmp_path: Path
) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    write_dpx(source / "reel1", range(1, 30))
    film, plates = source / "film", source / "plates"
    film.mkdir()
    plates.mkdir()
    for n in range(25):
        png(film / f"scan_{n:05d}.png", n)
        png(plates / f"plate_{n:03d}.png", 997 * n**3)
    done = run("folder", source, out)
    assert done.code == 0, done.err
    entries = {e.source: e for e in read_journal(out)}
    assert sorted(e for e in entries if entries[e].kind == "film") == ["film/scan_%05d.png", "reel1/reel1.%06d.dpx"]
    assert len(entries) == 27
    again = run("folder", source, out)
    assert again.code == 0
    assert "colored" not in again.out
    proved = run("verify", out, "--source", source)
    assert proved.code == 0, proved.err
    assert run("report", out, "--source", source).code == 0
    spoiled = out / "reel1" / "reel1.000010.dpx"
    spoiled.write_bytes(spoiled.read_bytes()[:-1] + b"\x7f")
    assert run("verify", out, "--source", source).code == 8


def page(rng: np.random.Generator, *, form: bool) -> UIntArray:
    """A scan of print, or of a form that was filled in: lines of equal places, other words."""
    paper = np.full((400, 300), 220, np.uint8)
    for y in range(50, 370, 20):
        if form:
            cv2.putText(paper, "Name of the place", (20, y), cv2.FONT_HERSHEY_SIMPLEX, 0.3, 60, 1, cv2.LINE_AA)
        words = "".join(rng.choice(list("etaoinshrdl   "), 16 if form else 38))
        cv2.putText(paper, words, (140 if form else 20, y), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 30, 1, cv2.LINE_AA)
    turned = np.roll(paper, tuple(rng.integers(-2, 3, 2)), (0, 1)).astype(np.float32) + rng.normal(0, 3, paper.shape)
    return np.clip(turned, 0, 255).astype(np.uint8)


def test_books_and_forms_are_photographs_and_what_was_decided_is_told(
    run: Run, tmp_path: Path, rng: np.random.Generator
) -> None:
    for name in ("book", "forms", "sizes", "film"):
        (tmp_path / "in" / name).mkdir(parents=True)
    for n in range(25):
        Image.fromarray(page(rng, form=False)).save(tmp_path / "in" / "book" / f"page_{n:04d}.tif")
        Image.fromarray(page(rng, form=True)).save(tmp_path / "in" / "forms" / f"card_{n:04d}.tif")
        Image.fromarray(page(rng, form=False)[: 400 - n]).save(tmp_path / "in" / "sizes" / f"leaf_{n:04d}.tif")
        png(tmp_path / "in" / "film" / f"scan_{n:05d}.png", n)
    done = run("folder", tmp_path / "in", tmp_path / "out", "--dry-run", "--json")
    assert [one["source"] for one in done.records if "%" in one["source"]] == [
        str(tmp_path / "in" / "film" / "scan_%05d.png")
    ]
    said = "25 numbered pictures are photographs, for neighbors do not show the same thing; 'archivecolor video'"
    assert f"book/page_%04d.tif: {said}" in done.err
    assert f"forms/card_%04d.tif: {said}" in done.err
    assert "sizes/leaf_%04d.tif: 25 numbered pictures are photographs, for they are of several sizes" in done.err
    assert "film/scan_%05d.png: 25 numbered pictures are one film, for neighbors show the same thing" in done.err
    other = run("folder", tmp_path / "in", tmp_path / "out", "--dry-run", "--json", "--no-sequences")
    assert not [one for one in other.records if "%" in one["source"]]
    assert "numbered pictures" not in other.err


def wav(path: Path, seconds: float, rate: int = 8000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(np.sin(np.arange(int(seconds * rate)) / 5).astype("<i2").tobytes())


def test_a_sequence_becomes_a_film_with_its_sound_and_time_code(run: Run, tmp_path: Path) -> None:
    scans = write_dpx(tmp_path / "reel1", [*range(5, 20), *range(21, 23)], transfer=1)
    wav(scans / "sound.wav", 2)
    done = run("video", scans, tmp_path / "a.mkv", "--for", "master")
    assert done.code == 3
    assert "sound.wav: the sound lasts 2.00 s, the frames 1.00 s at 18 frames a second" in done.err
    assert not list(tmp_path.glob("*.mkv"))
    wav(scans / "sound.wav", 1)
    assert run("video", scans, tmp_path / "a.mkv", "--for", "master").code == 7, "a frame is missing"
    shown = "stream=codec_name,nb_read_frames,pix_fmt:stream_tags"
    probe = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", shown, "-of", "flat", str(tmp_path / "a.mkv")]
    said = subprocess.run(probe, capture_output=True, text=True, check=True).stdout
    assert 'nb_read_frames="17"' in said
    assert 'codec_name="pcm_s16le"' in said
    assert "10:00:00:05" in said
    assert 'pix_fmt="yuv444p16le"' in said, "what a display shows of printing density"


@pytest.mark.parametrize("inside", [True, False])
def test_the_sound_of_a_sequence_is_copied_beside_its_frames(run: Run, tmp_path: Path, *, inside: bool) -> None:
    scans = write_dpx(tmp_path / "reel1", range(1, 10))
    sound = scans / "mix.wav" if inside else tmp_path / "reel1.wav"
    wav(sound, 0.5)
    done = run("video", scans, tmp_path / "out" / "color")
    assert done.code == 0, done.err
    assert f"copied untouched: {sound.name} (sound)" in done.err
    copy = tmp_path / "out" / "color" / "mix.wav" if inside else tmp_path / "out" / "color.wav"
    assert copy.read_bytes() == sound.read_bytes()
    wav(sound, 3)
    taken = run("video", scans, tmp_path / "out" / "color", "--overwrite", "--dry-run")
    assert "the sound lasts 3.00 s, the frames 0.50 s" in taken.err
    assert "it is copied as it is" in taken.err
    for frame in (tmp_path / "out" / "color").glob("*.dpx"):
        frame.unlink()
    refused = run("video", scans, tmp_path / "out" / "color")
    assert refused.code == 5
    assert f"{copy}: already exists" in refused.err
    assert not list(tmp_path.rglob("*.work"))
    assert run("video", scans, tmp_path / "out" / "color", "--leave-out").code == 0


@pytest.mark.parametrize("name", ["f.%04d.dpx", "f.####.tif", "f%d.png", "f_%03d.jpg"])
def test_a_film_becomes_frames(run: Run, tmp_path: Path, name: str) -> None:
    film = FilmSource(moving(6), audio=1).write(tmp_path / "film.mkv")
    done = run("video", film, tmp_path / "out" / name)
    assert done.code == 5
    assert "a sequence of frames cannot hold stream 1 (audio, aac" in done.err
    assert run("video", film, tmp_path / "out" / name, "--leave-out").code == 0
    results = sorted((tmp_path / "out").iterdir())
    assert len(results) == 6
    assert run("video", tmp_path / "out", tmp_path / "again.mkv", "--already-color", "recolor").code == 0
    shown = decode(tmp_path / "again.mkv")
    assert len(shown.lumas) == 6


def test_a_colored_frame_goes_through_a_sequence(run: Run, tmp_path: Path) -> None:
    scans = write_dpx(tmp_path / "reel1", range(86, 94), bits=10, channels=1)
    gray = picture(89, 8).astype(float)
    (tmp_path / "refs").mkdir()
    red = np.clip(gray[..., None] + (60, -25, -25), 0, 255).astype(np.uint8)
    Image.fromarray(red).save(tmp_path / "refs" / "89.png")
    for name, more in (("plain", ()), ("told", ("--references", tmp_path / "refs"))):
        done = run("video", scans, tmp_path / name, *more)
        assert done.code == 0, done.err
    for path in sorted((tmp_path / "told").iterdir()):
        assert np.array_equal(luma(path), luma(scans / path.name))
        shown = [read_dpx((tmp_path / folder / path.name).read_bytes())[1] for folder in ("plain", "told")]
        plain, told = ((x[..., 0].astype(int) - x[..., 2]).mean() for x in shown)
        assert told > plain + 60, path.name
