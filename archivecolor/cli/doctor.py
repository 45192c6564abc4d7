"""``archivecolor doctor``: what is here, what works, what is missing and how to install it."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.errors import DependencyError
from archivecolor.settings import EngineSettings, Precision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from archivecolor.inference.catalog import EngineFolder
    from archivecolor.machine.comparison import Measurement
    from archivecolor.machine.diagnosis import Extra, Machine, PlanState

_SOURCES = {"COMMANDLINE": "command line", "ENVIRONMENT": "environment", "DEFAULT": "default"}


def doctor(
    context: typer.Context,
    engine: options.Engine = "auto",
    device: options.Device = "auto",
    precision: options.EnginePrecision = Precision.AUTO,
    batch: options.Batch = None,
    generator: options.Generator = "archive",
    compare: Annotated[
        bool, typer.Option("--compare", help="Run every engine on photographs: speed, memory, colours.")
    ] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Tell what is here, what works, and what to install for the rest.

    With --compare every engine that works here colours six photographs; their colours are compared with those of ONNX
    Runtime on the CPU, as CIEDE2000. Exit code 4 when no engine works.
    """
    console.set_up_logging(quiet=quiet, verbose=False, log_file=None)

    from archivecolor.inference import catalog, plans
    from archivecolor.machine import diagnosis

    settings = EngineSettings(kind=engine, device=device, precision=precision, batch=batch)
    folder = catalog.find(generator)
    machine, extras, plans_here = diagnosis.machine(), list(diagnosis.extras()), list(diagnosis.plan_states())
    states = list(diagnosis.engine_states(folder, settings))
    generators, encoders, origins = catalog.available(), diagnosis.encoders(), list(_origins(context))
    cache = (str(plans.directory()), diagnosis.cache_bytes())
    if not json:
        _print_machine(machine)
        _section("engines", [(s.name, "works" if s.works else "no", s.detail) for s in states])
        _print_extras(extras)
        _section("generators", [(g.name, f"{g.short_px} px", str(g.path)) for g in generators])
        _print_plans(plans_here, cache)
        _section("film encoders", [(e.name, "works" if e.works else "no", e.detail) for e in encoders])
        _section("settings", origins)
    measured = list(_compare(settings, generator)) if compare else []
    if json:
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
        _print_comparison(measured)
    if not any(s.works for s in states):
        raise DependencyError("no engine works here", hint=states[-1].detail)


def _section(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    """A heading, and the rows below it in columns."""
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))] if rows else []
    lines = ["  " + "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows]
    console.write_out("\n".join([title, *(lines or ["  none"]), ""]))


def _print_machine(machine: Machine) -> None:
    memory = f", {machine.memory_bytes / 1e9:.0f} GB" if machine.memory_bytes else ""
    driver = machine.driver
    rows = [
        ("system", machine.system),
        ("Python", machine.python),
        ("CPU", f"{machine.cores} cores{memory}"),
        ("NVIDIA driver", f"runs CUDA up to {driver.cuda}" if driver else "none"),
        *(
            (f"GPU {g.index}", f"{g.name}, {g.target}, {g.memory_bytes / 1e9:.0f} GB")
            for g in (driver.gpus if driver else ())
        ),
        ("ONNX Runtime", f"{machine.onnxruntime} for {', '.join(machine.providers)}"),
        ("FFmpeg", f"{machine.ffmpeg}, in PyAV {machine.pyav}"),
    ]
    _section("machine", rows)


def _print_extras(extras: list[Extra]) -> None:
    rows = []
    for extra in extras:
        installed = ", ".join(f"{name} {version}" for name, version in extra.installed.items())
        state = (
            f"installed: {installed}" if not extra.missing else f"{extra.install}  (lacks {', '.join(extra.missing)})"
        )
        rows.append((extra.name, extra.brings, state))
    _section("extras", rows)


def _print_plans(states: list[PlanState], cache: tuple[str, int]) -> None:
    rows = [(s.plan.path.name, "usable" if s.usable else s.detail) for s in states]
    _section(f"plans in {cache[0]}, {cache[1] / 1e6:.1f} MB", rows)


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


def _print_comparison(measured: list[Measurement]) -> None:
    rows = []
    for m in measured:
        if m.failure:
            rows.append((m.engine, "no", "", "", "", "", m.failure))
            continue
        memory = f"{m.memory_bytes / 1e6:.0f} MB" if m.memory_bytes else ""
        memory += f" + {m.gpu_memory_bytes / 1e6:.0f} MB on the GPU" if m.gpu_memory_bytes else ""
        apart = (f"{m.difference.mean:.3f}", f"{m.difference.largest:.2f}") if m.difference else ("", "")
        speed = (f"{m.pictures_per_s:.1f}", f"{m.load_s:.1f} s")
        rows.append((m.engine, *speed, memory, *apart, m.description))
    header = ("engine", "pictures/s", "to first", "memory", "mean", "largest CIEDE2000", "runs")
    console.write_out(console.table(rows, header))
