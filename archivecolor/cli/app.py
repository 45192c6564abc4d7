"""The command tree. Each command imports what it needs when it runs, so that ``--help`` answers at once."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from archivecolor.cli.accepted import accepted
from archivecolor.cli.build_engine import build_engine
from archivecolor.cli.doctor import doctor
from archivecolor.cli.engines import engines
from archivecolor.cli.evaluate import evaluate
from archivecolor.cli.folder import folder
from archivecolor.cli.merge import merge
from archivecolor.cli.report import report
from archivecolor.cli.review import review
from archivecolor.cli.shots import shots
from archivecolor.cli.strip import strip
from archivecolor.cli.verify import verify
from archivecolor.cli.video import video
from archivecolor.version import __version__

_EPILOG = (
    "Exit codes: 0 done, 1 bug, 2 usage, 3 input unreadable, 4 dependency missing, 5 output refused or not writable, "
    "6 engine failed, 7 some items failed, 8 verification failed, 9 bad configuration, 10 not provable, "
    "130/143 interrupted."
)

app = typer.Typer(
    name="archivecolor",
    help="Color black-and-white photographs and film. The luminance that goes in is the luminance that comes out.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if "NO_COLOR" not in os.environ else None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=_EPILOG)(folder)
app.command(epilog=_EPILOG)(video)
app.command(epilog=_EPILOG)(shots)
app.command(epilog=_EPILOG)(merge)
app.command(epilog=_EPILOG)(report)
app.command(epilog=_EPILOG)(review)
app.command(epilog=_EPILOG)(accepted)
app.command(epilog=_EPILOG)(verify)
app.command(epilog=_EPILOG)(strip)
app.command(epilog=_EPILOG)(evaluate)
app.command(epilog=_EPILOG)(build_engine)
app.command()(doctor)
app.command()(engines)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"archivecolor {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Color black-and-white photographs and film. The luminance that goes in is the luminance that comes out."""
