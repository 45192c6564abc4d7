"""Coloring a film with a fake engine, by the call that everybody uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from archivecolor.film import segments
from archivecolor.inference import select
from archivecolor.inference.engine import Engine
from archivecolor.runs.film.job import FilmRecord, color_film
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import AlreadyColor, ColorSettings, EncodeSettings
from tests.fakes.engines import FakeEngine, by_luma


def color(
    source: Path,
    target: Path,
    encode: EncodeSettings | None = None,
    *,
    engine: Engine | None = None,
    color: ColorSettings | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    longest_s: float = segments.LONGEST_S,
) -> FilmRecord:
    """Color ``source`` into ``target``, in segments of at most ``longest_s``, whether it is in color already or not."""
    settings = FilmSettings(
        encode=encode or EncodeSettings(),
        color=color or ColorSettings(),
        start_s=start_s,
        end_s=end_s,
        already_color=AlreadyColor.RECOLOR,
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(segments, "LONGEST_S", longest_s)
        patched.setattr(select, "open_engine", lambda *_: engine or FakeEngine(by_luma))
        return color_film(source, target, settings)
