"""The XMP of films: what they carried, and that their colors were made, in places where other tools look."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from archivecolor.film.about import add_box, xmp_at
from archivecolor.film.inventory import inventory, missing
from archivecolor.provenance.xmp import SOURCE_TYPE
from archivecolor.runs.film.job import FilmRecord, make_film
from archivecolor.runs.film.merge import merge_film, plan_merge
from archivecolor.runs.film.plan import FilmRequest, plan_film
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import ColorSettings, EncodeSettings, FilmCodec
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.ffprobe import ffmpeg, probe
from tests.film.sources import FilmSource, moving
from tests.needs import EXIFTOOL, needs_exiftool, needs_ffmpeg

pytestmark = needs_ffmpeg

PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<r:Description r:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:source>Überspielung, Rolle 7</dc:source>'
    "</r:Description></r:RDF></x:xmpmeta>"
).encode()
FAST = {FilmCodec.H264: "ultrafast"}


def source(folder: Path, packet: bytes | None = PACKET) -> Path:
    path = FilmSource(moving(3), encoder="libx264", options={"preset": "ultrafast"}).write(folder / "a.mp4")
    if packet:
        add_box(path, packet)
    return path


def run(path: Path, target: Path, codec: FilmCodec, *, chroma_only: bool = False) -> FilmRecord:
    encode = EncodeSettings(codec=codec, preset=FAST.get(codec))
    request = FilmRequest(path, target, FilmSettings(encode=encode), chroma_only=chroma_only)
    return make_film(plan_film(request), FakeEngine(by_luma), ColorSettings())


def read_by_exiftool(path: Path, *tags: str) -> list[str]:
    command = [str(EXIFTOOL), "-s3", *tags, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@needs_exiftool
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_exiftool_reads_how_a_film_was_colored_and_what_it_said_before(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"b{suffix}"
    assert run(source(tmp_path), target, FilmCodec.H264).whole.lost == ()
    tags = ("-XMP-iptcExt:DigitalSourceType#", "-XMP-xmpMM:HistoryParameters", "-XMP-dc:Source")
    kind, how, said = read_by_exiftool(target, *tags)
    assert kind == SOURCE_TYPE
    assert how.startswith("Colors predicted by generator 'fake'")
    assert said == "Überspielung, Rolle 7"
    ffmpeg("-xerror", "-i", target, "-f", "null", "-")


@pytest.mark.parametrize(("suffix", "codec"), [(".mkv", FilmCodec.FFV1), (".webm", FilmCodec.VP9)])
@pytest.mark.parametrize("packet", [None, PACKET])
def test_matroska_says_it_in_a_tag_that_goes_back_into_a_box(
    tmp_path: Path, suffix: str, codec: FilmCodec, packet: bytes | None
) -> None:
    target, back = tmp_path / f"b{suffix}", tmp_path / "c.mp4"
    assert run(source(tmp_path, packet), target, codec).whole.lost == ()
    told = probe(target)["format"]["tags"]["XMP"]
    assert SOURCE_TYPE in told
    assert ("Rolle 7" in told) == bool(packet)
    ffmpeg("-i", target, "-map", "0:v", "-vf", "format=gray,format=yuv420p", "-c:v", "libx264", tmp_path / "gray.mkv")
    run(tmp_path / "gray.mkv", back, FilmCodec.H264)
    twice = (xmp_at(back) or b"").decode()
    assert twice.count("Colors predicted by generator") == 2


def test_a_merged_film_says_what_its_chroma_says(tmp_path: Path) -> None:
    master, chroma, merged = source(tmp_path), tmp_path / "chroma.mkv", tmp_path / "merged.mkv"
    run(master, chroma, FilmCodec.FFV1, chroma_only=True)
    run(master, tmp_path / "direct.mkv", FilmCodec.FFV1)
    plan, laid = plan_merge(master, chroma, merged, FilmSettings(encode=EncodeSettings(codec=FilmCodec.FFV1)))
    merge_film(plan, laid)
    assert xmp_at(merged) == xmp_at(tmp_path / "direct.mkv")
    assert b"Colors predicted" in (xmp_at(merged) or b"")


def test_damaged_xmp_is_kept_and_told(tmp_path: Path) -> None:
    record = run(source(tmp_path, b"<no XML"), tmp_path / "b.mp4", FilmCodec.H264)
    assert xmp_at(tmp_path / "b.mp4") == b"<no XML"
    (note,) = record.whole.notes
    assert "its XMP is damaged" in note
    assert "without a record of the coloring" in note


def test_xmp_that_is_missing_is_named(tmp_path: Path) -> None:
    carried = inventory(source(tmp_path))
    assert missing(carried, replace(carried, xmp=False), whole=True) == ("XMP",)


def test_a_place_is_the_same_in_fewer_digits_that_say_the_same(tmp_path: Path) -> None:
    before = replace(inventory(source(tmp_path)), tags={"location": "+48.100+011.500+500.000/"})
    same = replace(before, tags={"location": "+48.1000+011.5000+500.000000/"})
    assert missing(before, same, whole=True) == ()
    other = replace(before, tags={"location": "+48.1001+011.5000+500.000000/"})
    assert missing(before, other, whole=True) == ("the tag 'location' ('+48.100+011.500+500.000/')",)
