"""``archivecolor folder SRC OUT``: colour every photograph of a tree."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli.folder_report import Report
from archivecolor.cli.interrupt import Interruption, interruptible
from archivecolor.errors import InputError, OutputError, UsageError
from archivecolor.settings import AlreadyColor, ColorSettings, EngineSettings, OutputSettings, Precision, StillFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from archivecolor.color import FloatArray
    from archivecolor.jobs.discover import Item, PassedBy
    from archivecolor.pipeline import Colorizer, LoadedStill

_BUDGET_SHARE = 0.4


def folder(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder of photographs, searched to its depths.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the results; made when missing.")],
    engine: options.Engine = "auto",
    device: options.Device = "auto",
    precision: options.EnginePrecision = Precision.AUTO,
    batch: options.Batch = None,
    generator: options.Generator = "archive",
    network_px: options.NetworkPx = None,
    strength: options.Strength = 1.0,
    saturation: options.Saturation = 1.0,
    warmth: options.Warmth = 0.0,
    flip: options.Flip = False,
    already_color: options.WhatIfColor = AlreadyColor.SKIP,
    format: options.Format = None,
    quality: options.Quality = None,
    overwrite: options.Overwrite = False,
    only: options.Only = None,
    jobs: options.Jobs = 0,
    fail_fast: options.FailFast = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    log_file: options.LogFile = None,
) -> None:
    """Colour every photograph below SRC into the same tree below OUT.

    Results that exist already are left alone, so the same command goes on where an earlier run stopped. Each file
    keeps its format, bit depth, resolution and metadata. Sources are only read. The first Ctrl-C finishes the
    pictures under way, the second stops at once; no file is ever left half-written.
    """
    from archivecolor.jobs.discover import check_folders, compile_patterns, lies_inside, walk

    if log_file and lies_inside(log_file, source):
        raise UsageError(f"{log_file}: the log would lie among the sources", hint="give --log-file another place")
    console.set_up_logging(quiet=quiet, verbose=verbose, log_file=log_file)
    runtime = EngineSettings(kind=engine, device=device, precision=precision, batch=batch)
    color = ColorSettings(strength, saturation, warmth, network_px=network_px, flip=flip)
    output = OutputSettings(format=_format(format), quality=quality, overwrite=overwrite)
    check_folders(source, out)
    report = Report(json=json)
    patterns = compile_patterns(only or [])
    plan = list(_plan(walk(source, out, rename=_renamer(output), only=patterns), output, report, dry_run=dry_run))
    if fail_fast:
        report.raise_first()
    if dry_run:
        for item in plan:
            report.planned(item)
        console.log.info("%d to colour, %s", len(plan), report.rest())
        report.raise_for_failures()
        return
    with interruptible() as interruption:
        if plan:
            from archivecolor.pipeline import Colorizer

            _make(out)
            with Colorizer.load(runtime, generator, color) as colorizer:
                console.log.info("%d to colour with '%s' on %s", len(plan), generator, colorizer.engine.description)
                done = _Doing(colorizer, output, already_color)
                _run(plan, done, report, interruption, jobs=jobs, fail_fast=fail_fast, quiet=quiet)
    report.close(left=len(plan) - report.ended)
    interruption.raise_if_interrupted()
    report.raise_for_failures()


def _format(name: str | None) -> StillFormat | None:
    if name is None:
        return None
    aliases = {"jpg": "jpeg", "tif": "tiff"}
    try:
        return StillFormat(aliases.get(name.lower(), name.lower()))
    except ValueError as e:
        raise UsageError(f"there is no format '{name}'", hint=f"one of {', '.join(StillFormat)}") from e


def _renamer(output: OutputSettings) -> Callable[[str], str]:
    """Result names: the source's, or with the suffix of the format that was asked for."""
    if output.format is None:
        return str
    from archivecolor.stills.sniff import names_a_picture, suffix_of

    suffix = suffix_of(output.format)
    # 'plate.7' and 'plate.7.xmp' keep what is no suffix of a picture: they are not one picture's, and no two of 'plate'
    return lambda name: str(Path(name).with_suffix(suffix)) if names_a_picture(name) else name + suffix


def _make(out: Path) -> None:
    """Make the folder for the results before the first picture is coloured, to know that it can be written to."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise OutputError(f"{out}: cannot be made: {e.strerror}", hint="choose another folder") from e
    if not os.access(out, os.W_OK | os.X_OK):
        raise OutputError(f"{out}: cannot be written to", hint="check its permissions or choose another folder")


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return 4 << 30


def _plan(found: Iterator[Item | PassedBy], output: OutputSettings, report: Report, *, dry_run: bool) -> Iterator[Item]:
    """Keep what is to be done; count and report the rest, and clear away what a killed run left half-written."""
    from archivecolor.jobs.atomic import clear_leftover
    from archivecolor.jobs.discover import Item, PassedBy
    from archivecolor.stills.sniff import NotAPictureError, sniff

    for thing in found:
        if isinstance(thing, PassedBy):
            report.passed_by(thing)
            continue
        if not dry_run and clear_leftover(thing.target):
            console.log.debug("%s: cleared what a killed run left of it", console.printable(thing.name))
        if not output.overwrite and os.path.lexists(thing.target):
            if _is_result(thing.target):
                report.exists(thing)
            else:
                error = OutputError(f"{thing.target}: exists and is no picture", hint="remove it, or use --overwrite")
                report.failed(thing.source, thing.name, error)
            continue
        try:
            sniff(thing.source)
        except NotAPictureError as e:
            if e.expected:
                report.failed(thing.source, thing.name, e)
            else:
                reason = e.message.removeprefix(f"{thing.source}: ")
                report.passed_by(PassedBy(thing.source, thing.name, reason, failed=False))
        except InputError as e:
            report.failed(thing.source, thing.name, e)
        else:
            yield Item(thing.source, thing.target, thing.name)


def _is_result(target: Path) -> bool:
    """Whether what bears a result's name can be one: a file, and not empty."""
    try:
        return target.is_file() and target.stat().st_size > 0
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class _Doing:
    """What is done with each item."""

    colorizer: Colorizer
    output: OutputSettings
    already_color: AlreadyColor

    def load(self, item: Item) -> LoadedStill:
        """Decode it; one in colour already is copied here, if it is to be, and raises `InColorError`."""
        from archivecolor.jobs.atomic import copy_whole
        from archivecolor.pipeline import InColorError

        try:
            return self.colorizer.load_still(item.source, recolor=self.already_color is AlreadyColor.RECOLOR)
        except InColorError:
            if self.already_color is AlreadyColor.COPY:
                # Its own name, and so its own format, whatever --format says
                copy_whole(item.source, item.target.with_name(item.source.name), overwrite=self.output.overwrite)
            raise

    def save(self, item: Item, loaded: LoadedStill, chroma: FloatArray) -> tuple[str, ...]:
        """Merge and write; returns warnings."""
        from archivecolor.jobs.atomic import atomic_write

        with atomic_write(item.target, overwrite=self.output.overwrite) as file:
            return self.colorizer.write_still(file, loaded, chroma, self.output)


def _run(
    plan: list[Item],
    doing: _Doing,
    report: Report,
    interruption: Interruption,
    *,
    jobs: int,
    fail_fast: bool,
    quiet: bool,
) -> None:
    from archivecolor.jobs import workers
    from archivecolor.jobs.atomic import AlreadyExistsError, DiskFullError
    from archivecolor.pipeline import InColorError, cost_bytes

    stages = workers.Stages(
        load=doing.load,
        compute=lambda loaded: doing.colorizer.predict([still.look for still in loaded]),
        save=doing.save,
        cost_bytes=lambda item: cost_bytes(item.source),
        group=lambda loaded: loaded.look.shape,
    )
    outcomes = workers.run(
        plan,
        stages,
        stop=interruption.stop,
        batch=doing.colorizer.engine.batch,
        threads=jobs or os.cpu_count() or 1,
        budget_bytes=int(_memory_bytes() * _BUDGET_SHARE),
    )
    with console.Progress(len(plan), quiet=quiet) as progress:
        for outcome in outcomes:
            if isinstance(outcome.error, AlreadyExistsError):
                report.exists(outcome.item)  # another run made it meanwhile
            elif isinstance(outcome.error, InColorError):
                copied = doing.already_color is AlreadyColor.COPY
                report.in_color(outcome.item, outcome.error, copied=copied)
            elif outcome.error:
                report.failed(outcome.item.source, outcome.item.name, outcome.error)
            else:
                report.colored(outcome.item, outcome.result or (), outcome.seconds)
            report.ended += 1
            failed = outcome.error is not None and not isinstance(outcome.error, InColorError)
            progress.advance(failed=failed)
            if isinstance(outcome.error, DiskFullError) or (failed and fail_fast):
                report.fatal = report.fatal or outcome.error
                interruption.stop.set()
