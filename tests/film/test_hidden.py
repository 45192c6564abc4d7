"""Sound that an edit list hides: it stays hidden in MP4 and MOV, and is left out and named elsewhere."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from archivecolor.runs.film.job import make_film
from archivecolor.runs.film.plan import FilmRequest, plan_film
from archivecolor.runs.luma_check import Verdict, compare_films
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import ColorSettings, EncodeSettings, FilmCodec
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.ffprobe import ffmpeg, probe
from tests.film.sources import FilmSource, moving
from tests.needs import needs_ffmpeg

pytestmark = needs_ffmpeg


@pytest.fixture
def trimmed(tmp_path: Path) -> Path:
    """A film whose first .48 s an edit list hides, of picture and sound, as phones trim."""
    whole = FilmSource(moving(50), encoder="libx264", options={"preset": "ultrafast", "g": "50"})
    whole.write(tmp_path / "silent.mp4")
    sine = ("-f", "lavfi", "-i", "sine=d=2", "-c:v", "copy", "-c:a", "aac", "-shortest")
    ffmpeg("-i", tmp_path / "silent.mp4", *sine, tmp_path / "whole.mp4")
    ffmpeg("-ss", "0.48", "-i", tmp_path / "whole.mp4", "-c", "copy", tmp_path / "trimmed.mp4")
    return tmp_path / "trimmed.mp4"


@pytest.mark.parametrize(("suffix", "codec"), [(".mkv", FilmCodec.FFV1), (".mp4", FilmCodec.H264)])
def test_hidden_sound_is_not_heard_in_any_container(trimmed: Path, suffix: str, codec: FilmCodec) -> None:
    target = trimmed.with_name(f"b{suffix}")
    preset = "ultrafast" if codec is FilmCodec.H264 else None
    encode = EncodeSettings(codec=codec, preset=preset)
    request = FilmRequest(trimmed, target, FilmSettings(encode=encode))
    record = make_film(plan_film(request), FakeEngine(by_luma), ColorSettings())
    starts = {s["codec_type"]: Fraction(s["start_time"]) for s in probe(target)["streams"]}
    assert abs(starts["video"] - starts["audio"]) < Fraction(1, 15), "at most what decoders begin with"
    hidden = [thing for thing in record.whole.lost if "stream 1 (audio, aac" in thing]
    assert ["edit list hides" in thing for thing in hidden] == [True] * (suffix == ".mkv")
    found = compare_films(trimmed, target, named=record.whole.lost)
    assert found.verdict is (Verdict.PROVED if suffix == ".mkv" else Verdict.NOT_PROVABLE), found.reason
