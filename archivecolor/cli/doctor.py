"""``archivecolor doctor``: what is here, what works, what is missing and how to install it."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli import doctor_tables as tables
from archivecolor.cli.layout import laid_out
from archivecolor.errors import DependencyError
from archivecolor.settings import EngineSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archivecolor.inference.catalog import EngineFolder
    from archivecolor.machine.comparison import Measurement

_SOURCES = {"COMMANDLINE": "command line", "ENVIRONMENT": "environment", "DEFAULT": "default"}


@laid_out
def doctor(
    context: typer.Context,
    compare: Annotated[
        bool, options.what("--compare", "Run every engine on photographs: speed, memory, colors.")
    ] = False,
    *,
    engine: options.EngineOptions,
    runtime: options.RuntimeOptions,
    tell: options.TellOptions,
) -> None:
    """Show what is here, what works, and what to install for the rest.

    With --compare every engine that works here colors six photographs; their colors are compared with those of ONNX
    Runtime on the CPU, as CIEDE2000. Exit code 4 when no engine works.

    Examples:
    archivecolor doctor

    archivecolor doctor --compare

    archivecolor doctor --json
    """
    tell.begin()

    from archivecolor.inference import catalog, plans
    from archivecolor.machine import diagnosis

    settings = engine.settings(runtime)
    folder = catalog.find(engine.generator)
    machine, extras, plans_here = diagnosis.machine(), list(diagnosis.extras()), list(diagnosis.plan_states())
    states = list(diagnosis.engine_states(folder, settings))
    generators, encoders, origins = catalog.available(), diagnosis.encoders(), list(_origins(context))
    cache = (str(plans.directory()), diagnosis.cache_bytes())
    if not tell.json:
        tables.print_machine(machine)
        tables.section("engines", [(s.name, "works" if s.works else "no", s.detail) for s in states])
        tables.print_extras(extras)
        tables.section("generators", [(g.name, f"{g.short_px} px", str(g.path)) for g in generators])
        tables.print_plans(plans_here, cache)
        tables.section("film encoders", [(e.name, "works" if e.works else "no", e.detail) for e in encoders])
        tables.section("settings", origins)
    measured = list(_compare(settings, engine.generator)) if compare else []
    if tell.json:
        report = {
            "machine": asdict(machine),
            "engines": [asdict(s) for s in states],
            "extras": [{**asdict(e), "install": e.install} for e in extras],
            "generators": [_generator(g) for g in generators],
            "plans": [{**asdict(s.plan), "usable": s.usable, "detail": s.detail} for s in plans_here],
            "cache": {"path": cache[0], "bytes": cache[1]},
            "encoders": [asdict(e) for e in encoders],
            "settings": [{"name": n, "value": v, "source": s} for n, v, s in origins],
        }
        console.emit({**report, "comparison": [asdict(m) for m in measured]} if compare else report)
    elif measured:
        tables.print_comparison(measured)
    if not any(s.works for s in states):
        raise DependencyError("no engine works here", hint=states[-1].detail)


def _generator(folder: EngineFolder) -> dict[str, object]:
    return {"name": folder.name, "summary": folder.summary, "short_px": folder.short_px, "path": str(folder.path)}


def _origins(context: typer.Context) -> Iterator[tuple[str, str, str]]:
    """Each setting of the engine, its value and who set it."""
    for name in ("engine", "device", "precision", "batch", "generator"):
        source = context.get_parameter_source(name)
        value = context.params[name]
        origin = _SOURCES.get(source.name if source else "", "default")
        yield name, "auto" if value is None else str(value), origin
    own = os.environ.get("ARCHIVECOLOR_CACHE")
    yield "cache", own or "the user's", _SOURCES["ENVIRONMENT" if own else "DEFAULT"]


def _compare(settings: EngineSettings, generator: str) -> Iterator[Measurement]:
    from archivecolor.machine import comparison

    for candidate in comparison.engines(settings):
        if not candidate.reason:
            console.log.info("measuring %s", candidate.name)
        yield comparison.measure(candidate, generator)
