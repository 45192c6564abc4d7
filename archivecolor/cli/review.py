"""``archivecolor review OUT``: the review page from a local server, so that what is done on it acts at once."""

from __future__ import annotations

import os
import sys
import webbrowser
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli.interrupt import interruptible
from archivecolor.cli.layout import laid_out
from archivecolor.cli.report import previewed
from archivecolor.errors import DependencyError
from archivecolor.installation import install_line

_LISTEN_S = 0.2


@laid_out
def review(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The results of a folder run.")],
    source: Annotated[
        Path | None,
        options.what("--source", "The SRC that they were made from. Default: as the journal has it.", "SRC"),
    ] = None,
    marks: options.Marks = None,
    reference: Annotated[
        list[Path] | None,
        options.color("--reference", "A photograph, or folder of them, that they were colored by, if moved.", "PHOTO"),
    ] = None,
    hints_dir: Annotated[
        Path | None, options.color("--hints-dir", "Where painted layers lie. Default: in OUT/.archivecolor.", "DIR")
    ] = None,
    keep_work: Annotated[bool, options.film("--keep-work", "Keep the chroma of films beside their results.")] = False,
    to: Annotated[
        Path | None, options.result("--to", "Where the page goes. Default: OUT-report beside OUT.", "FOLDER")
    ] = None,
    generator: Annotated[
        str | None, options.engine("--generator", "Trained generator. Default: the last run's.", "NAME")
    ] = None,
    engine: options.Engine = options.ANY_ENGINE,
    *,
    runtime: options.RuntimeOptions,
    sign_key: options.SignKey = None,
    sign_certificates: options.SignCertificates = None,
    browser: Annotated[bool, options.output("--browser/--no-browser", "Open the page in the browser.")] = True,
    jobs: options.Threads = 0,
    tell: options.TellOptions,
) -> None:
    """Look through the results in a browser, and correct them there: what is painted is made again while one looks.

    The page is that of archivecolor report, from a server on this computer, which answers to nobody but that page.
    Marks and paint are in OUT as soon as they are made: close the page whenever you like. Ctrl-C ends the command.

    Examples:
    archivecolor review out

    archivecolor review out --marks anna.json

    archivecolor review out --no-browser
    """
    tell.begin()
    try:
        from archivecolor.review.kept import Kept
        from archivecolor.review.server import Door, Server
        from archivecolor.review.session import ReviewSettings, open_review
    except ModuleNotFoundError as e:
        if e.name not in ("starlette", "uvicorn"):
            raise
        raise DependencyError(f"a review needs another package, {e.name}", hint=install_line("review")) from e
    settings = ReviewSettings(
        source=source,
        generator=generator,
        engine=runtime.on(engine),
        references=tuple(reference or ()),
        hints=hints_dir,
        sign_key=sign_key,
        sign_certificates=sign_certificates,
        keep_work=keep_work,
        jobs=jobs,
    )
    with ExitStack() as open_things:
        interruption = open_things.enter_context(interruptible())
        kept = open_things.enter_context(closing(Kept(out)))
        plan, made = previewed(out, source, to, marks=marks or [], jobs=jobs, tell=tell, interruption=interruption)
        if made is None:
            interruption.raise_if_interrupted()
            return
        opened = open_things.enter_context(open_review(plan, made.previews, kept, settings))
        server = Server(opened.app())
        open_things.callback(server.stop)
        server.start()
        open_things.callback(opened.events.close)
        if opened.why_not:
            console.log.warning("nothing can be made again: %s", opened.why_not)
        if tell.json:
            console.emit({"url": server.url})
        else:
            console.write_out(server.url)
        console.log.info("open this address, which is the key to the page; Ctrl-C ends the review")
        if browser and _has_a_screen():
            door = open_things.enter_context(closing(Door(plan.folder, server.url)))
            webbrowser.open(door.path.as_uri())
        while not interruption.stop.wait(_LISTEN_S):
            pass
    if opened.queue:
        counts = opened.queue.counts
        left = opened.queue.record()["total"]
        console.log.info("%d made again, %d failed, %d still to be made", counts["made"], counts["failed"], left)


def _has_a_screen() -> bool:
    """Whether a browser would have a window; elsewhere one that writes to the terminal would be started."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
