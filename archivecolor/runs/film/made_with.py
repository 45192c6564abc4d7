"""What a film is made of and with: by that a run knows which segments, and which chroma, it may go on from.

What is said of single frames and shots stands in each segment's record: see `frame_advice`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from archivecolor.chroma.control.reference_files import digest_of
from archivecolor.film.kept import KeptChroma
from archivecolor.film.origin import name_of
from archivecolor.film.segments import holds
from archivecolor.inference.engine import Engine
from archivecolor.jobs.digests import look_at
from archivecolor.jobs.files import derived_name
from archivecolor.jobs.locks import BusyError
from archivecolor.runs.film.plan import FilmPlan, FilmRequest
from archivecolor.sequences.coding import FrameCoding
from archivecolor.settings import ColorSettings, changed
from archivecolor.version import __version__


def kept_folder(request: FilmRequest) -> Path:
    """Where a film's chroma is kept: beside the result, under the film's name, so that all its results share it."""
    return request.target.with_name(derived_name("", request.source.name, ".chroma"))


def kept_of(plan: FilmPlan, engine: Engine, color: ColorSettings) -> KeptChroma | None:
    """Chroma that an earlier run kept, if this one would make the same apart from paint, or a place to keep it in."""
    folder, keep = kept_folder(plan.request), plan.request.settings.keep_work
    if not keep and not folder.exists():
        return None
    ungraded = replace(color, strength=1.0, saturation=1.0, warmth=0.0)
    fingerprint = _made_with(plan, engine, ungraded)
    if not keep and not holds(folder, fingerprint):
        return None
    try:
        return KeptChroma(folder, fingerprint)
    except BusyError:
        if keep:
            raise
        return None


def fingerprint_of(plan: FilmPlan, engine: Engine, color: ColorSettings, *, kept: bool, painted: bool) -> str:
    """Everything that changes the pixels of all segments; ``painted`` is said in each frame of a sequence."""
    more = ["chroma"] * plan.request.chroma_only + ["painted"] * (painted and isinstance(plan.encoding, FrameCoding))
    made = f"{_made_with(plan, engine, color)} {changed(plan.request.settings.encode)} {plan.encoding} {kept}"
    return f"{made} {more}" if more else made


def _made_with(plan: FilmPlan, engine: Engine, color: ColorSettings) -> str:
    """What chroma is made of and with: the film, the settings, and what references hold."""
    source = plan.request.source
    status = look_at(source)
    told = f"references {digest_of(color.references)}" if color.references else ""
    settings = {**changed(replace(color, hints=None, frames=None)), **changed(plan.request.settings.smoothing)}
    film = f"{name_of(source)} {status.size_bytes} {status.mtime_ns} {plan.scan.film.rate} {plan.part}"
    return f"{__version__} {film} {told} {settings} {sorted(engine.folder.digests.items())}"
