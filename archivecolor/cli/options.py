"""Options that several commands share: one definition, one wording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_ENGINE, _COLOUR, _OUTPUT, _RUN = "Engine", "Colour", "Output", "Run"

Engine = Annotated[str, typer.Option("--engine", metavar="KIND", help="auto, onnx or torch.", rich_help_panel=_ENGINE)]
Generator = Annotated[
    str,
    typer.Option(
        "--generator", metavar="NAME", help="Trained generator, or the folder of one.", rich_help_panel=_ENGINE
    ),
]
NetworkPx = Annotated[
    int | None,
    typer.Option("--network-px", metavar="N", help="Short side that the network sees.", rich_help_panel=_ENGINE),
]
Strength = Annotated[
    float, typer.Option("--strength", metavar="0..1", help="0 leaves the picture grey.", rich_help_panel=_COLOUR)
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="NAME", help="jpeg, png, tiff, webp or bmp. Default: the source's.", rich_help_panel=_OUTPUT
    ),
]
Quality = Annotated[
    int | None,
    typer.Option("--quality", metavar="1..100", help="Of JPEG and lossy WebP. Default: 95.", rich_help_panel=_OUTPUT),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Make results anew that exist already.", rich_help_panel=_OUTPUT)
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="GLOB", help="Only files whose name or path matches. Repeatable.", rich_help_panel=_RUN
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs", min=0, metavar="N", help="Threads that read and write. 0: as many as cores.", rich_help_panel=_RUN
    ),
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failure.", rich_help_panel=_RUN)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, write nothing.", rich_help_panel=_RUN)]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.", rich_help_panel=_RUN)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only failures, on stderr.", rich_help_panel=_RUN)]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="A line for every file.", rich_help_panel=_RUN)]
LogFile = Annotated[
    Path | None,
    typer.Option("--log-file", metavar="FILE", help="Append every message there too.", rich_help_panel=_RUN),
]
