"""``archivecolor build-engine``: plans for NVIDIA GPUs, here or elsewhere."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli.interrupt import interruptible
from archivecolor.cli.layout import laid_out
from archivecolor.cli.progress import BuildLine
from archivecolor.errors import UsageError
from archivecolor.settings import DEFAULT_GENERATOR, ColorSettings, Precision

if TYPE_CHECKING:
    from archivecolor.inference.plans import Plan


@laid_out
def build_engine(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Trained generator, or the folder of one.")
    ] = DEFAULT_GENERATOR,
    network_px: options.NetworkPx = None,
    backend: Annotated[
        str | None, options.engine("--backend", "tensorrt or tensorrt-rtx. Default: what fits the GPU.", "NAME")
    ] = None,
    gpu: Annotated[
        list[str] | None,
        options.engine("--gpu", "auto, rtx-4090, sm_89 ... Repeatable: one plan for all of them.", "GPU"),
    ] = None,
    all_gpus: Annotated[bool, options.engine("--all-gpus", "One plan for every RTX GPU from Turing on.")] = False,
    precision: Annotated[Precision, options.engine("--precision", "auto is fp16.")] = Precision.AUTO,
    batch: Annotated[str, options.engine("--batch", "Fewest, usual and most pictures at a time.", "N,N,N")] = "1,8,16",
    output: Annotated[Path | None, options.output("--output", "Instead of the user's cache.", "FOLDER")] = None,
    overwrite: Annotated[bool, options.output("--overwrite", "Build again what is there already.")] = False,
    list_plans: Annotated[bool, options.output("--list", "Show what is built, and build nothing.")] = False,
    *,
    tell: options.TellOptions,
) -> None:
    """Build an engine: a plan in which TensorRT has worked out how a GPU computes the colors.

    tensorrt-rtx builds for any RTX GPU, on any machine. tensorrt builds for the GPU it runs on. Where the GPU is here,
    the plan is compared with ONNX Runtime on real photographs, and rejected when its colors differ.

    Examples:
    archivecolor build-engine

    archivecolor build-engine --gpu rtx-4090

    archivecolor build-engine --list
    """
    tell.begin()
    if list_plans:
        _list(output, json=tell.json)
        return
    if gpu and all_gpus:
        raise UsageError("--gpu and --all-gpus cannot be used together", hint="leave one of them out")

    from archivecolor.inference import build, catalog
    from archivecolor.inference.targets import RTX_TARGETS
    from archivecolor.machine import comparison

    gpus = RTX_TARGETS if all_gpus else tuple(gpu or (build.AUTO,))
    chosen = build.choose_backend(backend, gpus)
    short_px = ColorSettings(network_px=network_px).network_px
    request = build.Request(catalog.find(name), chosen, gpus, precision, build.parse_batch(batch), short_px=short_px)
    console.log.info("building '%s' for %s with %s", request.folder.name, ", ".join(gpus), chosen.label)
    began = time.monotonic()
    with interruptible() as interruption, BuildLine(interruption, quiet=tell.quiet) as speaker:
        plan = build.build(request, output, speaker, anew=overwrite)
        new = time.monotonic() - began >= plan.seconds
    verdict = "" if plan.ciede2000 else comparison.check_plan(request.folder, plan)
    if tell.json:
        console.emit(_record(plan, usable=None, detail=verdict))
        return
    made = f"built in {plan.seconds:.1f} s" if new else "already there; --overwrite builds it again"
    console.log.info(
        "%s: %s, %s, %.1f MB%s", made, ", ".join(plan.targets), plan.precision, plan.size_bytes / 1e6, verdict
    )
    console.write_out(str(plan.path))


def _list(folder: Path | None, *, json: bool) -> None:
    from archivecolor.inference import plans
    from archivecolor.machine import diagnosis

    states = list(diagnosis.plan_states(folder))
    if json:
        for state in states:
            console.emit(_record(state.plan, usable=state.usable, detail=state.detail))
        return
    if not states:
        console.log.info("no plans in %s", folder or plans.directory())
        return
    rows = [
        (
            s.plan.path.name,
            ", ".join(s.plan.targets),
            s.plan.precision,
            ",".join(str(n) for n in s.plan.profile.batch),
            f"{s.plan.size_bytes / 1e6:.1f} MB",
            s.plan.built[:10],
            "yes" if s.usable else s.detail,
        )
        for s in states
    ]
    console.write_out(console.table(rows, ("plan", "GPUs", "precision", "batch", "size", "built", "usable here")))


def _record(plan: Plan, *, usable: bool | None, detail: str) -> dict[str, object]:
    record = {**asdict(plan), "path": str(plan.path), "detail": detail.removeprefix("; ")}
    return record if usable is None else {**record, "usable": usable}
