"""Options that several commands share: one definition, one wording, one default, and what they come to together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from archivecolor.cli import console
from archivecolor.errors import UsageError
from archivecolor.settings import (
    DEFAULT_GENERATOR,
    AlreadyColor,
    ColorSettings,
    EncoderKind,
    EncodeSettings,
    EngineSettings,
    FilmCodec,
    Kinds,
    OutputSettings,
    Precision,
    Purpose,
    Smoothing,
    SmoothingSettings,
    StillFormat,
)

WHAT: Final = "What to color"
COLOR: Final = "Color"
FILM: Final = "Film"
RESULT: Final = "Result"
ENGINE: Final = "Engine"
PROVENANCE: Final = "Provenance"
OUTPUT: Final = "Output"

EVERY: Final = SmoothingSettings().every
_COLOR, _ENGINE, _SMOOTHING, _ENCODE = ColorSettings(), EngineSettings(), SmoothingSettings(), EncodeSettings()
_FORMATS: Final = {"jpg": "jpeg", "tif": "tiff", "jp2": "jpeg2000", "ppm": "pnm", "heic": "heif"}


def option(panel: str, *names: str, **more: Any) -> Any:
    """An option in one of the panels above."""
    return typer.Option(*names, rich_help_panel=panel, **more)


Only = Annotated[
    list[str] | None,
    option(WHAT, "--only", metavar="GLOB", help="Only files whose name or path matches. Repeatable."),
]
WhatIfColor = Annotated[
    AlreadyColor, option(WHAT, "--already-color", help="What becomes of pictures that are in color or tinted already.")
]
MaxMegapixels = Annotated[
    int | None,
    option(
        WHAT,
        "--max-megapixels",
        min=1,
        metavar="N",
        help="Refuse larger pictures. Default: those that do not fit into memory.",
    ),
]
Every = Annotated[
    int,
    option(
        COLOR,
        "--every",
        metavar="N",
        help="Ask the generator about every Nth frame, and wherever something new appears or its answers disagree.",
    ),
]
NetworkPx = Annotated[
    int | None,
    option(ENGINE, "--network-px", metavar="N", help="Short side, in pixels, of what the network sees."),
]
Overwrite = Annotated[bool, option(OUTPUT, "--overwrite", help="Replace results that exist already.")]
Jobs = Annotated[
    int,
    option(
        OUTPUT,
        "--jobs",
        min=0,
        metavar="N",
        help="Worker threads for stills (0: one per core), segments per film (0: one).",
    ),
]
Threads = Annotated[int, option(OUTPUT, "--jobs", min=0, metavar="N", help="Worker threads (0: one per core).")]
DryRun = Annotated[bool, option(OUTPUT, "--dry-run", help="Say what would be done; write nothing.")]
Json = Annotated[bool, option(OUTPUT, "--json", help="Write one JSON object per line to stdout.")]


@dataclass(frozen=True, slots=True)
class WhatOptions:
    """Which files of a folder are colored."""

    kind: Annotated[Kinds, option(WHAT, "--kind", help="Only photographs, only films, or all.")] = Kinds.ALL
    only: Only = None
    only_from: Annotated[
        Path | None,
        option(
            WHAT,
            "--only-from",
            metavar="LIST",
            help="Only the items in this file, one path below SRC per line. Later runs leave those as they are.",
        ),
    ] = None
    already_color: WhatIfColor = AlreadyColor.SKIP
    max_megapixels: MaxMegapixels = None
    watch: Annotated[bool, option(WHAT, "--watch", help="Keep coloring what arrives in SRC, until Ctrl-C.")] = False


@dataclass(frozen=True, slots=True)
class GradeOptions:
    """What is done to the generator's colors."""

    strength: Annotated[
        float, option(COLOR, "--strength", metavar="0..1", help="How much color: 0 leaves the picture gray.")
    ] = _COLOR.strength
    saturation: Annotated[
        float, option(COLOR, "--saturation", metavar="0..3", help="Factor on color; vivid colors are spared.")
    ] = _COLOR.saturation
    warmth: Annotated[float, option(COLOR, "--warmth", metavar="-1..1", help="-1 is bluer, 1 is yellower.")] = (
        _COLOR.warmth
    )
    thorough: Annotated[
        bool,
        option(
            COLOR,
            "--thorough",
            help="Ask the generator about three views of each picture: closer to the truth, 3.5 times its time.",
        ),
    ] = _COLOR.thorough
    network_px: NetworkPx = _COLOR.network_px

    def settings(self, advice: AdviceOptions | None = None) -> ColorSettings:
        """Together with what the user knows of the colors. Raises `UsageError`."""
        return ColorSettings(
            strength=self.strength,
            saturation=self.saturation,
            warmth=self.warmth,
            reference=advice.reference if advice else None,
            hints=advice.hints_path if advice else None,
            network_px=self.network_px,
            thorough=self.thorough,
        )


@dataclass(frozen=True, slots=True)
class AdviceOptions:
    """What the user knows of the colors."""

    reference: Annotated[
        Path | None,
        option(COLOR, "--reference", metavar="PHOTO", help="Take the palette of this color photograph."),
    ] = None
    hints: Annotated[
        Path | None,
        option(
            COLOR,
            "--hints",
            metavar="PNG",
            help="Strokes of color on a transparent layer, for the picture or the frame that it is named after.",
        ),
    ] = None
    hints_dir: Annotated[
        Path | None, option(COLOR, "--hints-dir", metavar="DIR", help="Such layers for many pictures, by their names.")
    ] = None

    @property
    def hints_path(self) -> Path | None:
        """The PNG or the folder. Raises `UsageError` where one option is given what belongs to the other."""
        if self.hints and self.hints_dir:
            raise UsageError("--hints and --hints-dir exclude each other", hint="put all layers into the folder")
        if self.hints_dir and not self.hints_dir.is_dir():
            raise UsageError(f"{self.hints_dir}: is no folder", hint="--hints takes one PNG")
        if self.hints and self.hints.is_dir():
            raise UsageError(f"{self.hints}: is a folder", hint="--hints-dir takes one")
        return self.hints or self.hints_dir


@dataclass(frozen=True, slots=True)
class SmoothingOptions:
    """How the color of a film is kept steady."""

    smoothing: Annotated[Smoothing, option(COLOR, "--smoothing", help="How color is kept steady over time.")] = (
        _SMOOTHING.smoothing
    )
    every: Every = EVERY

    def settings(self) -> SmoothingSettings:
        """Raises `UsageError`."""
        return SmoothingSettings(self.smoothing, self.every)


@dataclass(frozen=True, slots=True)
class FilmOptions:
    """How films are read and written."""

    purpose: Annotated[
        Purpose,
        option(
            FILM,
            "--for",
            help="archive: H.265, 10 bit, tuned for grain. share: H.264, plays everywhere. edit: ProRes. "
            "master: FFV1, lossless, luma bit for bit.",
        ),
    ] = _ENCODE.purpose
    codec: Annotated[
        FilmCodec | None, option(FILM, "--codec", help="Use this codec, not the one that --for implies.")
    ] = None
    encoder: Annotated[
        EncoderKind,
        option(
            FILM,
            "--encoder",
            help="nvenc: on an NVIDIA GPU, faster, with larger files. auto: there if a trial works.",
        ),
    ] = _ENCODE.encoder
    crf: Annotated[int | None, option(FILM, "--crf", metavar="N", help="Quality, on the encoder's own scale.")] = None
    preset: Annotated[str | None, option(FILM, "--preset", metavar="NAME", help="The encoder's own preset.")] = None
    side_by_side: Annotated[
        bool, option(FILM, "--side-by-side", help="Show the gray and the colored picture next to each other.")
    ] = _ENCODE.side_by_side
    start: Annotated[str | None, option(FILM, "--start", metavar="TIME", help="Begin here: seconds or h:mm:ss.")] = None
    end: Annotated[str | None, option(FILM, "--end", metavar="TIME", help="End before this time.")] = None
    leave_out: Annotated[
        bool, option(FILM, "--leave-out", help="Drop streams that the result's format cannot hold.")
    ] = False
    keep_work: Annotated[
        bool,
        option(
            FILM,
            "--keep-work",
            help="Keep the chroma in FILM.chroma beside the result: another codec or grading then takes no generator.",
        ),
    ] = False

    def settings(self) -> dict[str, Any]:
        """The fields of `FilmSettings` that they decide. Raises `UsageError`."""
        return {
            "encode": EncodeSettings(self.purpose, self.codec, self.crf, self.preset, self.encoder, self.side_by_side),
            "start_s": parse_time(self.start),
            "end_s": parse_time(self.end),
            "leave_out": self.leave_out,
            "keep_work": self.keep_work,
        }


@dataclass(frozen=True, slots=True)
class ResultOptions:
    """How photographs are written, and what beside them."""

    format: Annotated[
        str | None,
        option(
            RESULT,
            "--format",
            metavar="NAME",
            help="jpeg, png, tiff, webp, bmp, jpeg2000, pnm or heif. Default: the source's.",
        ),
    ] = None
    quality: Annotated[
        int | None, option(RESULT, "--quality", metavar="1..100", help="Of JPEG and lossy WebP. Default: 95.")
    ] = None
    confidence: Annotated[
        bool,
        option(RESULT, "--confidence", help="Draw where the generator was guessing, in OUT/.archivecolor/confidence."),
    ] = False
    bag: Annotated[
        bool, option(RESULT, "--bag", help="Make OUT a BagIt bag: results in OUT/data, their digests beside it.")
    ] = False
    summary: Annotated[
        Path | None,
        option(RESULT, "--summary", metavar="FILE", help="Write what became of every file, as .json or .csv."),
    ] = None
    report: Annotated[
        bool, option(RESULT, "--report", help="Then make a page for reviewing the results, beside OUT.")
    ] = False


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """What the network runs on."""

    device: Annotated[
        str,
        option(
            ENGINE,
            "--device",
            metavar="NAME",
            envvar="ARCHIVECOLOR_DEVICE",
            help="auto, cpu, cuda, cuda:1, coreml or directml.",
        ),
    ] = _ENGINE.device
    precision: Annotated[
        Precision,
        option(ENGINE, "--precision", envvar="ARCHIVECOLOR_PRECISION", help="auto is fp16 on GPUs, fp32 on CPUs."),
    ] = _ENGINE.precision
    batch: Annotated[
        int | None,
        option(
            ENGINE,
            "--batch",
            metavar="N",
            envvar="ARCHIVECOLOR_BATCH",
            help="Most pictures on the device at a time; halved where they do not fit.",
        ),
    ] = _ENGINE.batch

    def on(self, kind: str) -> EngineSettings:
        """Of an engine. Raises `UsageError`."""
        return EngineSettings(kind=kind, device=self.device, precision=self.precision, batch=self.batch)


_ENGINE_OPTION: Final = option(
    ENGINE,
    "--engine",
    metavar="KIND",
    envvar="ARCHIVECOLOR_ENGINE",
    help="auto, onnx, torch, tensorrt, tensorrt-rtx, or the path of a plan.",
)
_GENERATOR_OPTION: Final = option(
    ENGINE, "--generator", metavar="NAME", help="Trained generator, or the folder of one."
)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """One generator in one engine."""

    engine: Annotated[str, _ENGINE_OPTION] = _ENGINE.kind
    generator: Annotated[str, _GENERATOR_OPTION] = DEFAULT_GENERATOR

    def settings(self, runtime: RuntimeOptions) -> EngineSettings:
        """Raises `UsageError`."""
        return runtime.on(self.engine)


@dataclass(frozen=True, slots=True)
class EnginesOptions:
    """Generators in engines, each with each."""

    engine: Annotated[list[str] | None, _ENGINE_OPTION] = None
    generator: Annotated[list[str] | None, _GENERATOR_OPTION] = None

    @property
    def generators(self) -> list[str]:
        """At least one."""
        return self.generator or [DEFAULT_GENERATOR]

    def settings(self, runtime: RuntimeOptions) -> list[EngineSettings]:
        """At least one. Raises `UsageError`."""
        return [runtime.on(kind) for kind in self.engine or [_ENGINE.kind]]


@dataclass(frozen=True, slots=True)
class ProvenanceOptions:
    """What results say of themselves."""

    embed: Annotated[
        bool,
        option(PROVENANCE, "--embed/--no-embed", help="Say in each result's XMP that, and how, it was colored."),
    ] = True
    sidecar: Annotated[
        bool, option(PROVENANCE, "--sidecar", help="Write PREMIS beside each still: NAME.premis.xml.")
    ] = False
    sign_key: Annotated[
        Path | None,
        option(PROVENANCE, "--sign-key", metavar="PEM", help="Sign stills with this private key, as C2PA says."),
    ] = None
    sign_certificates: Annotated[
        Path | None,
        option(PROVENANCE, "--sign-certificates", metavar="PEM", help="Its certificate, then its issuers'."),
    ] = None

    def output(self, result: ResultOptions) -> OutputSettings:
        """How stills are written. Raises `UsageError`."""
        return OutputSettings(
            format=_still_format(result.format), quality=result.quality, embed_record=self.embed, sidecar=self.sidecar
        )


@dataclass(frozen=True, slots=True)
class TellOptions:
    """What a command says, and where."""

    json: Json = False
    quiet: Annotated[bool, option(OUTPUT, "--quiet", "-q", help="Only failures, on stderr.")] = False
    verbose: Annotated[bool, option(OUTPUT, "--verbose", "-v", help="A line for every file.")] = False
    log_file: Annotated[
        Path | None, option(OUTPUT, "--log-file", metavar="FILE", help="Append every message to this file as well.")
    ] = None

    def begin(self) -> None:
        """Send messages where they belong. Raises `OutputError`."""
        console.set_up_logging(quiet=self.quiet, verbose=self.verbose, log_file=self.log_file)


def parse_time(text: str | None) -> float | None:
    """Seconds of '90', '1:30' or '0:01:30.5'. Raises `UsageError`."""
    if text is None:
        return None
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or any(not 0 <= p < float("inf") for p in parts):
        raise UsageError(f"'{text}' is no time", hint="give seconds, or hours:minutes:seconds")
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + part
    return seconds


def _still_format(name: str | None) -> StillFormat | None:
    if name is None:
        return None
    try:
        return StillFormat(_FORMATS.get(name.lower(), name.lower()))
    except ValueError as e:
        raise UsageError(f"there is no format '{name}'", hint=f"one of {', '.join(StillFormat)}") from e
