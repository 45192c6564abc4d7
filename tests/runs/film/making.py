"""Coloring a film with a fake engine, as the command does but without the command line."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from archivecolor.chroma.film import FilmColorizer, scan
from archivecolor.film.changes import settled
from archivecolor.film.codecs import container_for
from archivecolor.film.encoding import Encoding, plan_encoding
from archivecolor.film.segments import Journal, plan_segments
from archivecolor.film.writing import Joined, join
from archivecolor.inference.engine import Engine
from archivecolor.runs.film.segment_maker import SegmentMaker
from archivecolor.settings import ColorSettings, EncodeSettings, SmoothingSettings
from tests.fakes.engines import FakeEngine, by_luma


def color(
    source: Path,
    target: Path,
    encode: EncodeSettings | None = None,
    *,
    engine: Engine | None = None,
    color: ColorSettings | None = None,
    film: SmoothingSettings | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    longest_s: float = 30.0,
    jobs: int = 1,
    stop: threading.Event | None = None,
    advance: Callable[[float], None] | None = None,
) -> tuple[Encoding, Joined]:
    """Color ``source`` into ``target``; the work folder stays."""
    encode = encode or EncodeSettings()
    found = scan(source)
    cut = found.part(start_s, end_s)
    found = replace(found, film=settled(source, found.film, cut.first, cut.last))
    muxer = container_for(target.suffix)
    encoding = plan_encoding(found.film.form, encode, muxer, interlaced=found.film.interlaced > 0)
    colorizer = FilmColorizer(engine or FakeEngine(by_luma), color, film)
    maker = SegmentMaker(source, found, colorizer, encoding, encode.side_by_side)
    maker.take_hints()
    times = [found.film.seconds(i) for i in range(cut.last)]
    segments = plan_segments(times, found.cuts, cut.first, longest_s)
    with Journal(target.with_suffix(".work"), f"{encode} {longest_s}") as journal:
        maker.make_all(segments, journal, jobs=jobs, stop=stop, advance=advance)
        parts = [(journal.segment_path(s.number), journal.made[s.number]) for s in segments]
    return encoding, join(source, target, found.film, parts, cut, encoding, muxer)
