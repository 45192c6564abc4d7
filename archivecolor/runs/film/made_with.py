"""What a film is made of and with, in words: an earlier run's work is used again only where these are the same.

What is said of single frames and shots is not among them: see `frame_advice`.
"""

from __future__ import annotations

from dataclasses import replace

from archivecolor.chroma.control.reference_files import digest_of
from archivecolor.inference.engine import Engine
from archivecolor.jobs.digests import look_at
from archivecolor.runs.film.plan import FilmPlan
from archivecolor.sequences.coding import FrameCoding
from archivecolor.settings import ColorSettings, changed
from archivecolor.version import __version__


def segments_made_with(plan: FilmPlan, engine: Engine, color: ColorSettings, *, kept: bool, painted: bool) -> str:
    """Everything that changes the pixels of all segments; ``painted`` is said in the frames of a sequence."""
    more = [*(shot.first for shot in plan.listed), *["chroma"] * plan.request.chroma_only]
    more += ["painted"] * (painted and isinstance(plan.encoding, FrameCoding))
    made = f"{_made_with(plan, engine, color)} {changed(plan.request.settings.encode)} {plan.encoding} {kept}"
    return f"{made} {more}" if more else made


def chroma_made_with(plan: FilmPlan, engine: Engine, color: ColorSettings) -> str:
    """Everything that changes the chroma of all segments before it is graded."""
    ungraded = replace(color, strength=1.0, saturation=1.0, warmth=0.0)
    return f"{_made_with(plan, engine, ungraded)} {[shot.first for shot in plan.listed]}"


def _made_with(plan: FilmPlan, engine: Engine, color: ColorSettings) -> str:
    """The film, the settings, and what references hold."""
    source = plan.request.source
    status = look_at(source)
    references = f"references {digest_of(color.references)}" if color.references else ""
    settings = {**changed(replace(color, hints=None, frames=None)), **changed(plan.request.settings.smoothing)}
    film = f"{source.resolve()} {status.size_bytes} {status.mtime_ns} {plan.scan.film.rate} {plan.part}"
    return f"{__version__} {film} {references} {settings} {sorted(engine.folder.digests.items())}"
