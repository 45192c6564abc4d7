"""Options that several commands share: one definition, one wording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archivecolor.errors import UsageError
from archivecolor.settings import AlreadyColor, EncoderKind, FilmCodec, Kinds, Precision, Purpose, Smoothing

_ENGINE, _COLOUR, _OUTPUT, _RUN = "Engine", "Colour", "Output", "Run"

Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="KIND",
        envvar="ARCHIVECOLOR_ENGINE",
        help="auto, onnx, torch, tensorrt, tensorrt-rtx, or the path of a plan.",
        rich_help_panel=_ENGINE,
    ),
]
Engines = Annotated[
    list[str] | None,
    typer.Option(
        "--engine",
        metavar="KIND",
        envvar="ARCHIVECOLOR_ENGINE",
        help="auto, onnx, torch, tensorrt, tensorrt-rtx, or the path of a plan.",
        rich_help_panel=_ENGINE,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        envvar="ARCHIVECOLOR_DEVICE",
        help="auto, cpu, cuda, cuda:1, coreml or directml.",
        rich_help_panel=_ENGINE,
    ),
]
EnginePrecision = Annotated[
    Precision,
    typer.Option(
        "--precision",
        envvar="ARCHIVECOLOR_PRECISION",
        help="auto is fp16 on GPUs, fp32 on CPUs.",
        rich_help_panel=_ENGINE,
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        "--batch",
        metavar="N",
        envvar="ARCHIVECOLOR_BATCH",
        help="Most pictures on the device at a time. Halved where they do not fit.",
        rich_help_panel=_ENGINE,
    ),
]
Generator = Annotated[
    str,
    typer.Option(
        "--generator", metavar="NAME", help="Trained generator, or the folder of one.", rich_help_panel=_ENGINE
    ),
]
Generators = Annotated[
    list[str] | None,
    typer.Option(
        "--generator",
        metavar="NAME",
        help="Trained generator, or the folder of one.",
        rich_help_panel=_ENGINE,
    ),
]
NetworkPx = Annotated[
    int | None,
    typer.Option("--network-px", metavar="N", help="Short side that the network sees.", rich_help_panel=_ENGINE),
]
Strength = Annotated[
    float, typer.Option("--strength", metavar="0..1", help="0 leaves the picture grey.", rich_help_panel=_COLOUR)
]
Saturation = Annotated[
    float,
    typer.Option(
        "--saturation", metavar="0..3", help="Factor on colour; vivid colours are spared.", rich_help_panel=_COLOUR
    ),
]
Warmth = Annotated[
    float, typer.Option("--warmth", metavar="-1..1", help="-1 is bluer, 1 is yellower.", rich_help_panel=_COLOUR)
]
Thorough = Annotated[
    bool,
    typer.Option(
        "--thorough",
        help="Ask the generator about three views of each picture: nearer to the truth, 3.5 times the network's time.",
        rich_help_panel=_COLOUR,
    ),
]
Reference = Annotated[
    Path | None,
    typer.Option(
        "--reference", metavar="PHOTO", help="Take the palette of this colour photograph.", rich_help_panel=_COLOUR
    ),
]
HintFile = Annotated[
    Path | None,
    typer.Option(
        "--hints",
        metavar="PNG",
        help="Strokes of colour on a transparent layer, for the picture, or of a film the frame, of its name.",
        rich_help_panel=_COLOUR,
    ),
]
HintFolder = Annotated[
    Path | None,
    typer.Option(
        "--hints-dir", metavar="DIR", help="Such layers for many pictures, by their names.", rich_help_panel=_COLOUR
    ),
]
ConfidenceMaps = Annotated[
    bool,
    typer.Option(
        "--confidence",
        help="Write where the generator was guessing, as small pictures below OUT/.archivecolor/confidence.",
        rich_help_panel=_OUTPUT,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="jpeg, png, tiff, webp, bmp, jpeg2000, pnm or heif. Default: the source's.",
        rich_help_panel=_OUTPUT,
    ),
]
Quality = Annotated[
    int | None,
    typer.Option("--quality", metavar="1..100", help="Of JPEG and lossy WebP. Default: 95.", rich_help_panel=_OUTPUT),
]
WhatIfColor = Annotated[
    AlreadyColor,
    typer.Option("--already-color", help="What becomes of pictures in colour or tinted.", rich_help_panel=_COLOUR),
]
MaxMegapixels = Annotated[
    int | None,
    typer.Option(
        "--max-megapixels",
        min=1,
        metavar="N",
        help="Refuse larger pictures. Default: those that do not fit into memory.",
        rich_help_panel=_RUN,
    ),
]
Embed = Annotated[
    bool,
    typer.Option(
        "--embed/--no-embed",
        help="Say in each result's XMP that, and how, it was coloured.",
        rich_help_panel=_OUTPUT,
    ),
]
Sidecar = Annotated[
    bool,
    typer.Option("--sidecar", help="Write PREMIS beside each still: NAME.premis.xml.", rich_help_panel=_OUTPUT),
]
SignKey = Annotated[
    Path | None,
    typer.Option(
        "--sign-key", metavar="PEM", help="Sign stills as C2PA says, with this private key.", rich_help_panel=_OUTPUT
    ),
]
SignCertificates = Annotated[
    Path | None,
    typer.Option(
        "--sign-certificates", metavar="PEM", help="Its certificate, and then its issuers'.", rich_help_panel=_OUTPUT
    ),
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
OnlyFrom = Annotated[
    Path | None,
    typer.Option(
        "--only-from",
        metavar="LIST",
        help="Only items that a file names, a path below SRC a line. They keep their settings in later runs.",
        rich_help_panel=_RUN,
    ),
]
ItemKind = Annotated[
    Kinds, typer.Option("--kind", help="Leave out films, or everything but films.", rich_help_panel=_RUN)
]
Bag = Annotated[
    bool,
    typer.Option(
        "--bag", help="Make OUT a BagIt bag: results in OUT/data, their digests beside it.", rich_help_panel=_OUTPUT
    ),
]
Watching = Annotated[
    bool,
    typer.Option("--watch", help="Go on colouring what arrives in SRC, until Ctrl-C.", rich_help_panel=_RUN),
]
SummaryFile = Annotated[
    Path | None,
    typer.Option(
        "--summary",
        metavar="FILE",
        help="Write what became of every file: .json or .csv. Replaces an earlier one.",
        rich_help_panel=_RUN,
    ),
]
ReviewPage = Annotated[
    bool,
    typer.Option("--report", help="Then make a page for reviewing the results, beside OUT.", rich_help_panel=_RUN),
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs",
        min=0,
        metavar="N",
        help="Threads that read and write stills, segments of a film side by side. 0: as many as cores, and 1.",
        rich_help_panel=_RUN,
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
_FILM = "Film"


def hints_of(file: Path | None, folder: Path | None) -> Path | None:
    """What the two options name together; raises `UsageError` where it is neither a PNG nor a folder of them."""
    if file and folder:
        raise UsageError("--hints and --hints-dir exclude each other", hint="put all layers into the folder")
    if folder and not folder.is_dir():
        raise UsageError(f"{folder}: is no folder", hint="--hints takes one PNG")
    if file and file.is_dir():
        raise UsageError(f"{file}: is a folder", hint="--hints-dir takes one")
    if file:
        from archivecolor.chroma.control.hints import Hints

        return Hints(file).path
    return folder


For = Annotated[
    Purpose,
    typer.Option(
        "--for",
        help="archive: H.265, 10 bit, tuned for grain. share: H.264, plays everywhere. edit: ProRes. "
        "master: FFV1, lossless, luma bit for bit.",
        rich_help_panel=_FILM,
    ),
]
Codec = Annotated[
    FilmCodec | None, typer.Option("--codec", help="Instead of the one that --for takes.", rich_help_panel=_FILM)
]
Encoder = Annotated[
    EncoderKind,
    typer.Option(
        "--encoder",
        help="nvenc: on an NVIDIA GPU, faster and larger. auto: there if a trial works, else in software.",
        rich_help_panel=_FILM,
    ),
]
Crf = Annotated[
    int | None, typer.Option("--crf", metavar="N", help="Quality, on the encoder's own scale.", rich_help_panel=_FILM)
]
Preset = Annotated[
    str | None, typer.Option("--preset", metavar="NAME", help="The encoder's own.", rich_help_panel=_FILM)
]
SmoothingKind = Annotated[
    Smoothing, typer.Option("--smoothing", help="How colour is steadied over time.", rich_help_panel=_COLOUR)
]
Every = Annotated[
    int,
    typer.Option(
        "--every",
        metavar="N",
        help="Ask the generator for every Nth frame, where new things come into sight, and where its answers clash.",
        rich_help_panel=_COLOUR,
    ),
]
Start = Annotated[
    str | None,
    typer.Option("--start", metavar="TIME", help="Begin there: seconds or h:mm:ss.", rich_help_panel=_FILM),
]
End = Annotated[str | None, typer.Option("--end", metavar="TIME", help="End before there.", rich_help_panel=_FILM)]
SideBySide = Annotated[
    bool, typer.Option("--side-by-side", help="Grey and coloured beside each other.", rich_help_panel=_FILM)
]
Preview = Annotated[
    bool,
    typer.Option("--preview", help="Write OUT as one picture with a frame of each shot.", rich_help_panel=_FILM),
]
Recolor = Annotated[
    bool, typer.Option("--recolor", help="Colour films, too, that are in colour already.", rich_help_panel=_COLOUR)
]
LeaveOut = Annotated[
    bool, typer.Option("--leave-out", help="Do without streams that OUT's format cannot hold.", rich_help_panel=_FILM)
]
KeepWork = Annotated[
    bool,
    typer.Option(
        "--keep-work",
        help="Keep the chroma in FILM.chroma beside OUT: another codec or grading then needs no generator.",
        rich_help_panel=_FILM,
    ),
]
FilmJobs = Annotated[
    int, typer.Option("--jobs", min=1, metavar="N", help="Segments made side by side.", rich_help_panel=_RUN)
]
