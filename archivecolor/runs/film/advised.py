"""What colors a film as users say, and what there is to tell of that afterwards."""

from __future__ import annotations

import threading
from typing import Final

from archivecolor.chroma.control.references import NOT_ALIKE
from archivecolor.chroma.film import FilmColorizer
from archivecolor.inference.engine import Engine
from archivecolor.runs.film.frame_advice import FrameAdvice
from archivecolor.runs.film.plan import FilmPlan
from archivecolor.runs.listener import INFO, WARNING, Listener
from archivecolor.settings import ColorSettings

_NAMED: Final = 4
"""References that are named."""


def advised(
    plan: FilmPlan, engine: Engine, color: ColorSettings, stop: threading.Event | None = None
) -> tuple[FrameAdvice, FilmColorizer]:
    """What is said of the film's frames and shots, and what colors it as they say. Raises what both do."""
    advice = FrameAdvice.of(plan.scan, color, plan.listed)
    shots, smoothing = advice.shots if advice.colored else plan.listed, plan.request.settings.smoothing
    return advice, FilmColorizer(engine, color, smoothing, stop, shots, advice.colored_by_shot)


def tell_references(colorizer: FilmColorizer, name: str, listener: Listener) -> None:
    """Say how much of a film the references were like."""
    asked = sum(references.asked for references in colorizer.all_references)
    heard = sorted({name for references in colorizer.all_references for name in references.heard})
    if not asked:
        return
    if heard:
        alike = sum(references.alike for references in colorizer.all_references)
        share = f"{alike} of {asked} frames that the generator was asked about"
        names = ", ".join(heard[:_NAMED]) + (f" and {len(heard) - _NAMED} more" if len(heard) > _NAMED else "")
        listener.message(INFO, f"{name}: {share} are like {names}")
    else:
        listener.message(WARNING, f"{name}: {NOT_ALIKE}")
