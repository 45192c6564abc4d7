"""What ``doctor`` found, in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archivecolor.cli import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archivecolor.machine.comparison import Measurement
    from archivecolor.machine.diagnosis import Extra, Machine, PlanState


def section(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    """A heading, and the rows below it in columns."""
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))] if rows else []
    lines = ["  " + "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows]
    console.write_out("\n".join([title, *(lines or ["  none"]), ""]))


def print_machine(machine: Machine) -> None:
    """The machine."""
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
    section("machine", rows)


def print_extras(extras: list[Extra]) -> None:
    """What is installed beyond the core, and how to install the rest."""
    rows = []
    for extra in extras:
        installed = ", ".join(f"{name} {version}" for name, version in extra.installed.items())
        state = (
            f"installed: {installed}" if not extra.missing else f"{extra.install}  (lacks {', '.join(extra.missing)})"
        )
        rows.append((extra.name, extra.brings, state))
    section("extras", rows)


def print_plans(states: list[PlanState], cache: tuple[str, int]) -> None:
    """Plans in the cache, whose folder and bytes are given."""
    rows = [(s.plan.path.name, "usable" if s.usable else s.detail) for s in states]
    section(f"plans in {cache[0]}, {cache[1] / 1e6:.1f} MB", rows)


def print_comparison(measured: list[Measurement]) -> None:
    """Engines side by side."""
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
