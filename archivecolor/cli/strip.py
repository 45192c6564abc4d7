"""``archivecolor strip FILE|FOLDER OUT``: take the colour off again."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.errors import InputError, ItemsFailedError
from archivecolor.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archivecolor.jobs.discover import Item


def strip(
    source: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="Coloured, by archivecolor or otherwise.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The grey file, or the folder for them.")],
    overwrite: options.Overwrite = False,
    only: options.Only = None,
    jobs: options.Jobs = 0,
    max_megapixels: options.MaxMegapixels = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    log_file: options.LogFile = None,
) -> None:
    """Write the grey pictures inside coloured ones: luma as it is, colour taken off.

    Bit for bit the luma of the original: every pixel where the format is lossless, the compressed luma of a JPEG.
    What a run copied because it was in colour already is copied back.
    """
    from archivecolor.runs.strip import strip_file

    console.set_up_logging(quiet=quiet, verbose=verbose, log_file=log_file)
    if source.is_dir():
        _strip_folder(source, out, overwrite, tuple(only or ()), jobs, max_megapixels)
        return
    if not source.exists():
        raise InputError(f"{source}: there is no such file")
    for warning in strip_file(source, out, overwrite=overwrite, max_megapixels=max_megapixels):
        console.log.warning("%s: %s", printable(source.name), printable(warning))


def _strip_folder(
    source: Path, out: Path, overwrite: bool, only: tuple[str, ...], jobs: int, max_megapixels: int | None
) -> None:
    from archivecolor.chroma.still import cost_bytes
    from archivecolor.jobs import workers
    from archivecolor.jobs.atomic import AlreadyExistsError, copy_whole
    from archivecolor.jobs.discover import check_folders, walk
    from archivecolor.jobs.journal import read_journal
    from archivecolor.jobs.records import Status
    from archivecolor.resources import memory_bytes
    from archivecolor.runs.strip import strip_file

    check_folders(source, out)
    copied = {entry.result for entry in read_journal(source) if entry.status is Status.COPIED}
    counts: Counter[str] = Counter()

    def do(item: Item) -> tuple[str, ...]:
        if Path(item.name).as_posix() in copied:
            copy_whole(item.source, item.target, overwrite=overwrite)
            return ()
        return strip_file(item.source, item.target, overwrite=overwrite, max_megapixels=max_megapixels)

    stages = workers.Stages(
        load=do,
        compute=lambda warnings: warnings,
        save=lambda _, __, warnings: warnings,
        cost_bytes=lambda item: cost_bytes(item.source),
        group=lambda _: None,
    )
    outcomes = workers.run(
        _pictures(walk(source, out, rename=_grey_name, only=only)),
        stages,
        stop=lambda: False,
        threads=jobs or os.cpu_count() or 1,
        budget_bytes=int(memory_bytes() * 0.4),
    )
    for outcome in outcomes:
        name = printable(outcome.item.name)
        if isinstance(outcome.error, AlreadyExistsError):
            counts["already there"] += 1
        elif outcome.error:
            counts["failed"] += 1
            reason = str(outcome.error).removeprefix(f"{outcome.item.source}: ")
            console.log.error("%s: %s", name, printable(reason))
        else:
            counts["stripped"] += 1
            for warning in outcome.result or ():
                console.log.warning("%s: %s", name, printable(warning))
    console.log.info("%s", ", ".join(f"{counts[k]} {k}" for k in ("stripped", "already there", "failed")))
    if counts["failed"]:
        raise ItemsFailedError(f"{counts['failed']} failed", hint="mend them and run the same command again")


def _pictures(found: Iterator[object]) -> Iterator[Item]:
    from archivecolor.jobs.discover import Item
    from archivecolor.stills.sniff import NotAPictureError, sniff

    for thing in found:
        if isinstance(thing, Item):
            try:
                sniff(thing.source)
            except NotAPictureError as e:
                console.log.debug("%s: passed by, %s", printable(thing.name), e.message.rpartition(": ")[2])
            else:
                yield thing


def _grey_name(name: str) -> str:
    """A PPM becomes a PGM again."""
    path = Path(name)
    return str(path.with_suffix(".pgm")) if path.suffix.lower() == ".ppm" else name
