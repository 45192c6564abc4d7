"""FFV1 in Matroska as archives keep it: slices, check sums, and what RAWcooked gives the original files back with."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from archivecolor.color import luma_of
from archivecolor.jobs.journal import read_journal
from archivecolor.settings import EncodeSettings, FilmCodec, Purpose
from tests.cli.conftest import Run
from tests.film.ffprobe import ffmpeg
from tests.film.sources import FilmSource, moving
from tests.needs import FFMPEG, FFPROBE, needs_ffmpeg
from tests.runs.film.making import color

pytestmark = needs_ffmpeg

MASTER = EncodeSettings(Purpose.MASTER)
REVERSIBILITY = b"\x1a\x45\xdf\xa3\x8f\x42\x82\x89rawcooked\x42\x85\x81\x01" + bytes(range(256)) * 9
"""What RAWcooked attaches: EBML of its own document type."""
SAID = "RAWcooked's reversibility data is kept to the byte"


def slices(path: Path) -> tuple[int, bool]:
    """How many slices pictures have, and whether with check sums, as FFmpeg's decoder says."""
    command = [FFPROBE or "", "-v", "debug", "-debug", "pict", "-show_frames", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    found = set(re.findall(r"slices:(\d+)x(\d+) .*? ec:(\d)", said))
    ((across, down, sums),) = found
    return int(across) * int(down), sums == "1"


def source(path: Path, *options: str, size: str = "640x360", pixel_format: str = "yuv422p10le") -> Path:
    moved = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=24:d=0.2", "-vf", f"hue=s=0,format={pixel_format}")
    ffmpeg(*moved, "-c:v", "ffv1", *options, path)
    return path


@pytest.mark.parametrize(
    ("options", "has", "said"),
    [
        (("-level", "3", "-slices", "16", "-slicecrc", "1"), 16, ()),
        (("-level", "3", "-slices", "9", "-slicecrc", "1"), 9, ()),
        (("-level", "3", "-slices", "12", "-slicecrc", "0"), 12, ("slices get check sums",)),
        (("-level", "1"), 24, ()),
    ],
)
def test_a_master_has_the_slices_of_its_source_and_always_check_sums(
    tmp_path: Path, options: tuple[str, ...], has: int, said: tuple[str, ...]
) -> None:
    record = color(source(tmp_path / "a.mkv", *options), tmp_path / "b.mkv", MASTER)
    assert slices(tmp_path / "b.mkv") == (has, True)
    assert len(record.encoding.notes) == len(said)
    assert all(note.startswith(start) for note, start in zip(record.encoding.notes, said, strict=True))
    ffmpeg("-err_detect", "crccheck+explode", "-i", tmp_path / "b.mkv", "-f", "null", "-")


def test_a_master_of_any_other_film_has_24_slices_and_fewer_where_it_is_tiny(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=640x360:d=0.2", "-vf", "hue=s=0", tmp_path / "a.mp4")
    color(tmp_path / "a.mp4", tmp_path / "b.mkv", MASTER)
    assert slices(tmp_path / "b.mkv") == (24, True)
    color(FilmSource(moving(3, 5, 7), "ffv1", "yuv444p").write(tmp_path / "c.mkv"), tmp_path / "d.mkv", MASTER)
    count, sums = slices(tmp_path / "d.mkv")
    assert count <= 24
    assert sums


def test_a_slice_that_was_changed_is_seen_by_another_decoder(tmp_path: Path) -> None:
    """That the check above can fail."""
    color(source(tmp_path / "a.mkv", "-level", "3", "-slices", "16"), tmp_path / "b.mkv", MASTER)
    data = bytearray((tmp_path / "b.mkv").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "b.mkv").write_bytes(data)
    command = (FFMPEG or "", "-v", "error", "-err_detect", "crccheck", "-i", tmp_path / "b.mkv", "-f", "null", "-")
    assert "CRC" in subprocess.run(command, capture_output=True, text=True, check=False).stderr


def samples(path: Path) -> npt.NDArray[np.uint8 | np.uint16]:
    """Red, green and blue of each frame, at their depth, as FFmpeg decodes them."""
    with av.open(str(path)) as film:
        found = []
        for frame in film.decode(video=0):
            depth = frame.format.components[0].bits
            found.append(frame.to_ndarray(format="gbrp" if depth == 8 else f"gbrp{depth}le"))
    return np.array(found)


@pytest.mark.parametrize(("codec", "stored"), [("bgr0", "bgr0"), ("gbrp10le", "gbrp10le"), ("rgb48le", "gbrp16le")])
def test_rgb_stays_rgb_in_a_master_with_its_luma_exact(run: Run, tmp_path: Path, codec: str, stored: str) -> None:
    (tmp_path / "in").mkdir()
    toned = "colorchannelmixer=rr=1:gg=.97:bb=.9"
    film = tmp_path / "in" / "a.mkv"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=size=96x64:d=0.2", "-vf", f"hue=s=0,{toned},format={codec}", "-c:v", "ffv1", film
    )
    done = run("folder", tmp_path / "in", tmp_path / "out", "--for", "master")
    assert done.code == 0, done.err
    was, now = samples(film), samples(tmp_path / "out" / "a.mkv")
    assert was.dtype == now.dtype
    assert np.array_equal(luma_of(was), luma_of(now))
    assert not np.array_equal(was, now)
    with av.open(str(tmp_path / "out" / "a.mkv")) as made:
        assert made.streams.video[0].codec_context.pix_fmt == stored
    assert run("verify", tmp_path / "out", "--source", tmp_path / "in").code == 0
    chroma, merged = tmp_path / "chroma.mkv", tmp_path / "merged.mkv"
    assert run("video", film, chroma, "--write", "chroma").code == 0
    assert np.ptp(luma_of(samples(chroma))) == 0
    assert "luma proved to be its master's, every sample" in run("merge", film, chroma, merged).err
    assert np.array_equal(samples(merged), now)


def cooked(path: Path) -> Path:
    (path.parent / "data").write_bytes(REVERSIBILITY)
    attached = ("-attach", str(path.parent / "data"), "-metadata:s:t", "mimetype=application/octet-stream")
    named = ("-metadata:s:t", "filename=RAWcooked reversibility data")
    how = ("-coder", "1", "-context", "1", "-g", "1", "-level", "3", "-slicecrc", "1", "-slices", "16")
    source(path, *how, *attached, *named, pixel_format="gbrp10le")
    (path.parent / "data").unlink()
    return path


def test_what_rawcooked_attached_stays_to_the_byte_and_the_conflict_is_said_everywhere(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    cooked(tmp_path / "in" / "reel.mkv")
    plan = run("video", tmp_path / "in" / "reel.mkv", tmp_path / "c.mkv", "--for", "master", "--dry-run")
    assert SAID in plan.err
    done = run("folder", tmp_path / "in", tmp_path / "out", "--for", "master", "--report")
    assert done.code == 0, done.err
    result = tmp_path / "out" / "reel.mkv"
    subprocess.run(
        [FFMPEG or "", "-v", "quiet", "-dump_attachment:t:0", tmp_path / "got", "-i", result], check=False
    )  # it wants an output, and has written the attachment by then
    assert (tmp_path / "got").read_bytes() == REVERSIBILITY
    (entry,) = read_journal(tmp_path / "out")
    assert any(SAID in warning for warning in entry.warnings)
    assert any(
        SAID in page.read_text() for page in (tmp_path / "out-report").rglob("*.*") if page.suffix in (".html", ".js")
    )
    assert slices(result) == (16, True)
    assert run("verify", tmp_path / "out", "--source", tmp_path / "in").code == 0


def test_nothing_is_said_where_nothing_was_kept_or_nothing_can_be_given_back(run: Run, tmp_path: Path) -> None:
    cooked(tmp_path / "a.mkv")
    lost = run("video", tmp_path / "a.mkv", tmp_path / "b.mp4", "--leave-out", "--for", "share")
    assert SAID not in lost.err
    assert "the attachment 'RAWcooked reversibility data'" in lost.err
    plain = color(FilmSource(moving(3), attachment=REVERSIBILITY[4:]).write(tmp_path / "c.mkv"), tmp_path / "d.mkv")
    assert plain.encoding.codec is FilmCodec.H265
    assert plain.encoding.notes == ()
