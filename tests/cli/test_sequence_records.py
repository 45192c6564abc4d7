"""What scanned frames say about themselves once they are colored, and what stays where they say something already."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO
import pytest

from archivecolor.provenance.xmp import SOURCE_TYPE
from archivecolor.sequences import dpx
from tests.cli.conftest import Run
from tests.sequences.scans import picture, read_dpx, write_dpx


@pytest.mark.parametrize("order", "<>")
def test_dpx_says_in_its_user_data_that_its_colors_were_made_and_other_readers_find_it(
    run: Run, tmp_path: Path, order: str
) -> None:
    write_dpx(tmp_path / "in", [1, 2], channels=3, order=order)
    assert run("folder", tmp_path / "in", tmp_path / "out").code == 0
    result = tmp_path / "out" / "reel1.000002.dpx"
    source = OpenImageIO.ImageInput.open(str(result))
    assert source
    told = bytes(source.spec().getattribute("dpx:UserData"))
    assert SOURCE_TYPE.encode() in told
    assert str(tmp_path).encode() not in result.read_bytes()[:8192]
    samples = np.asarray(source.read_image("uint16")) >> 6
    assert np.array_equal(samples, read_dpx(result.read_bytes())[1])
    assert run("verify", tmp_path / "out", "--source", tmp_path / "in").code == 0
    again = run("folder", tmp_path / "out", tmp_path / "twice", "--already-color", "recolor")
    assert again.code == 0, again.err
    assert (tmp_path / "twice" / result.name).stat().st_size == result.stat().st_size, (
        "the record takes the old one's place"
    )


def test_without_a_record_only_what_must_be_is_another(run: Run, tmp_path: Path) -> None:
    write_dpx(tmp_path / "in", [1], channels=3)
    write_dpx(tmp_path / "in", [2], channels=3)
    assert run("folder", tmp_path / "in", tmp_path / "out", "--no-embed").code == 0
    before, after = ((tmp_path / name / "reel1.000002.dpx").read_bytes() for name in ("in", "out"))
    assert before[:2048] == after[:2048]


def test_user_data_of_others_stays_to_the_byte_and_that_there_is_no_record_is_told(run: Run, tmp_path: Path) -> None:
    write_dpx(tmp_path / "in", [1, 2], channels=3, user=b"Scanner XY".ljust(32, b"\0") + b"reel 7")
    done = run("video", tmp_path / "in", tmp_path / "out")
    assert done.code == 0, done.err
    assert "has no room for a record of the coloring" in done.err
    before, after = (read_dpx((tmp_path / name / "reel1.000002.dpx").read_bytes())[0] for name in ("in", "out"))
    assert before.raw[2048:] == after.raw[2048:]


def test_a_spoiled_header_is_seen_beside_the_record(run: Run, tmp_path: Path) -> None:
    write_dpx(tmp_path / "in", [1, 2], channels=3)
    assert run("video", tmp_path / "in", tmp_path / "out").code == 0
    assert run("verify", tmp_path / "out", "--source", tmp_path / "in").code == 0
    result = tmp_path / "out" / "reel1.000002.dpx"
    data = bytearray(result.read_bytes())
    data[1664] ^= 1  # the keycode
    result.write_bytes(data)
    assert run("verify", tmp_path / "out", "--source", tmp_path / "in").code == 8


def exr(path: Path, at: int, xmp: str | None = None) -> None:
    light = (picture(at).astype(np.float32) / 65535) ** 2.2
    spec = OpenImageIO.ImageSpec(light.shape[1], light.shape[0], 3, OpenImageIO.HALF)
    spec.attribute("owner", "the archive")
    if xmp:
        spec.attribute("xmp", xmp)
    out = OpenImageIO.ImageOutput.create(str(path))
    assert out
    assert out.open(str(path), spec)
    assert out.write_image(np.repeat(light[..., None], 3, axis=2).astype(np.float16))
    assert out.close()


@pytest.mark.parametrize("xmp", [None, "no xml"])
def test_openexr_is_colored_from_the_command_line_proved_and_says_so(run: Run, tmp_path: Path, xmp: str | None) -> None:
    (tmp_path / "in").mkdir()
    for n in range(1, 7):
        exr(tmp_path / "in" / f"comp.{n:04d}.exr", n, xmp)
    done = run("video", tmp_path / "in", tmp_path / "out")
    assert done.code == 0, done.err
    reader = OpenImageIO.ImageInput.open(str(tmp_path / "out" / "comp.0003.exr"))
    assert reader
    spec = reader.spec()
    assert spec.getattribute("Copyright") == "the archive", "which is what OpenImageIO calls the owner"
    assert (SOURCE_TYPE in spec.getattribute("xmp")) is (xmp is None)
    assert ("its XMP is damaged" in done.err) is (xmp is not None)
    assert run("verify", tmp_path / "out", "--source", tmp_path / "in").code == 0


def test_a_film_becomes_dpx_that_say_so(run: Run, tmp_path: Path) -> None:
    write_dpx(tmp_path / "in", range(1, 4), channels=3)
    assert run("video", tmp_path / "in", tmp_path / "a.mkv", "--for", "master").code == 0
    done = run("video", tmp_path / "a.mkv", tmp_path / "out" / "f.%04d.dpx", "--already-color", "recolor")
    assert done.code == 0, done.err
    data = (tmp_path / "out" / "f.0001.dpx").read_bytes()
    assert SOURCE_TYPE.encode() in dpx.read_header(data).raw


def test_a_sequence_is_made_again_when_it_is_to_say_nothing(run: Run, tmp_path: Path) -> None:
    write_dpx(tmp_path / "in", [1, 2], channels=3)
    assert run("folder", tmp_path / "in", tmp_path / "out").code == 0
    assert run("folder", tmp_path / "in", tmp_path / "out", "--no-embed").code == 0
    before, after = ((tmp_path / name / "reel1.000002.dpx").read_bytes() for name in ("in", "out"))
    assert before[:2048] == after[:2048]
