"""No encoder takes the machine from everybody else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from archivecolor.film.encoder import open_encoder
from archivecolor.film.encoding import plan_encoding
from archivecolor.settings import EncodeSettings, FilmCodec
from tests.film.sources import FilmSource, scene
from tests.film.test_hardware import FORM, RATE, SIZE
from tests.runs.film.making import color

if sys.platform != "linux" or os.geteuid() != 0:
    pytest.skip("only root's encoders on Linux can take real-time priority", allow_module_level=True)


def policies() -> set[int]:
    """Scheduling policies of this process's threads."""
    return {os.sched_getscheduler(int(thread.name)) for thread in Path("/proc/self/task").iterdir()}


@pytest.mark.parametrize("codec", [FilmCodec.AV1, FilmCodec.H264, FilmCodec.H265, FilmCodec.VP9])
def test_no_thread_is_a_real_time_one_after_an_encoder_was_opened(codec: FilmCodec) -> None:
    encoding = plan_encoding(FORM, EncodeSettings(codec=codec), "matroska", interlaced=False)
    encoder = open_encoder(encoding, FORM, SIZE, RATE)
    assert encoder.is_open
    assert policies() == {os.SCHED_OTHER}


def test_nor_is_one_after_a_film_was_colored_into_av1(tmp_path: Path) -> None:
    source = FilmSource([scene(i) for i in range(6)]).write(tmp_path / "film.mkv")
    color(source, tmp_path / "out.mkv", EncodeSettings(codec=FilmCodec.AV1))
    assert policies() == {os.SCHED_OTHER}
