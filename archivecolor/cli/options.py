"""Options that several commands share: one definition, one wording, one default, and what they come to together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from archivecolor.cli import console
from archivecolor.cli.formats import still_format
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
)
from archivecolor.text import rate_of, seconds_of

EVERY: Final = SmoothingSettings().every
_COLOR, _RUNTIME, _ENCODE, _STEADY = ColorSettings(), EngineSettings(), EncodeSettings(), SmoothingSettings()


def in_panel(panel: str, name: str, help: str, metavar: str | None = None, **more: Any) -> Any:
    """An option of that panel."""
    return typer.Option(*name.split(), help=help, metavar=metavar, rich_help_panel=panel, **more)


# The panels of a command's help, in the order in which a person needs them
what = partial(in_panel, "What to color")
color = partial(in_panel, "Color")
film = partial(in_panel, "Film")
result = partial(in_panel, "Result")
engine = partial(in_panel, "Engine")
provenance = partial(in_panel, "Provenance")
output = partial(in_panel, "Output")

Only = Annotated[
    list[str] | None, what("--only", "Only files whose name or path matches; may be given several times.", "GLOB")
]
WhatIfColor = Annotated[
    AlreadyColor, what("--already-color", "What to do with pictures that are in color or tinted already.")
]
MaxMegapixels = Annotated[
    int | None,
    what("--max-megapixels", "Refuse larger pictures. Default: those that do not fit into memory.", "N", min=1),
]
Every = Annotated[int, color("--every", "Ask the network about every Nth frame, and where something new appears.", "N")]
NetworkPx = Annotated[int | None, color("--network-px", "Short side, in pixels, of what the network sees.", "N")]
Overwrite = Annotated[bool, output("--overwrite", "Replace results that exist already.")]
Jobs = Annotated[
    int, output("--jobs", "Worker threads for stills (0: one per core), segments per film (0: one).", "N", min=0)
]
Threads = Annotated[int, output("--jobs", "Worker threads (0: one per core).", "N", min=0)]
ShardOfMany = Annotated[
    str | None,
    output(
        "--shard", "Only share K of N, as 3/64, while other runs do the others. auto: what Slurm or Kubernetes says."
    ),
]
MergeJournals = Annotated[bool, output("--merge-journals", "Only make one journal of those that shards wrote in OUT.")]
DryRun = Annotated[bool, output("--dry-run", "Say what would be done; write nothing.")]
Marks = Annotated[
    list[Path] | None,
    what("--marks", "First take in these marks, .json or .csv of the page; may be given several times.", "FILE"),
]
Cuts = Annotated[
    Path | None,
    film("--cuts", "A list of its shots, edited: .otio, .edl or .csv, in place of the cuts that are found.", "FILE"),
]
SignKey = Annotated[Path | None, provenance("--sign-key", "Sign stills with this key (C2PA).", "PEM")]
SignCertificates = Annotated[
    Path | None, provenance("--sign-certificates", "Its certificate, then its issuers'.", "PEM")
]
Json = Annotated[bool, output("--json", "Write one JSON object per line to stdout.")]


@dataclass(frozen=True, slots=True)
class WhatOptions:
    """Which files of a folder are colored."""

    kind: Annotated[Kinds, what("--kind", "Only photographs, only films, or all.")] = Kinds.ALL
    no_sequences: Annotated[
        bool,
        what("--no-sequences", "Take numbered pictures for photographs, even where they look like a film's frames."),
    ] = False
    only: Only = None
    only_from: Annotated[
        Path | None, what("--only-from", "Only the items in this file, one path below SRC per line.", "LIST")
    ] = None
    already_color: WhatIfColor = AlreadyColor.SKIP
    max_megapixels: MaxMegapixels = None
    watch: Annotated[bool, what("--watch", "Keep coloring what arrives in SRC, until Ctrl-C.")] = False


@dataclass(frozen=True, slots=True)
class GradeOptions:
    """What is done to the generator's colors."""

    strength: Annotated[float, color("--strength", "How much color; 0: none.", "0..1")] = _COLOR.strength
    saturation: Annotated[float, color("--saturation", "Factor; vivid colors are spared.", "0..3")] = _COLOR.saturation
    warmth: Annotated[float, color("--warmth", "-1 is bluer, 1 is yellower.", "-1..1")] = _COLOR.warmth
    thorough: Annotated[
        bool, color("--thorough", "Show the network three views of each picture: better, at 3.5 times its time.")
    ] = False
    network_px: NetworkPx = None

    def settings(self, advice: AdviceOptions | None = None) -> ColorSettings:
        """Together with what the user knows of the colors. Raises `UsageError`."""
        return ColorSettings(
            strength=self.strength,
            saturation=self.saturation,
            warmth=self.warmth,
            references=advice.references_paths if advice else (),
            hints=advice.hints_path if advice else None,
            network_px=self.network_px,
            thorough=self.thorough,
        )


@dataclass(frozen=True, slots=True)
class AdviceOptions:
    """What the user knows of the colors."""

    reference: Annotated[
        list[Path] | None,
        color(
            "--reference", "Take colors from this photograph where it is alike; may be given several times.", "PHOTO"
        ),
    ] = None
    references: Annotated[
        Path | None, color("--references", "A folder of such photographs, or of a film's colored frames.", "DIR")
    ] = None
    hints: Annotated[
        Path | None,
        color("--hints", "Strokes on a transparent layer, for the picture of its name; or a ZIP of many.", "PNG|ZIP"),
    ] = None
    hints_dir: Annotated[Path | None, color("--hints-dir", "Such layers for many pictures, by their names.", "DIR")] = (
        None
    )

    @property
    def references_paths(self) -> tuple[Path, ...]:
        """Photographs and the folder. Raises `UsageError` where one option is given what belongs to the other."""
        for photo in self.reference or ():
            if photo.is_dir():
                raise UsageError(f"{photo}: is a folder", hint="--references takes one")
        if self.references and not self.references.is_dir():
            raise UsageError(f"{self.references}: is not a folder", hint="--reference takes one photograph")
        return (*(self.reference or ()), *([self.references] if self.references else []))

    @property
    def hints_path(self) -> Path | None:
        """The PNG, the ZIP or the folder. Raises `UsageError` where one option is given what belongs to the other."""
        if self.hints and self.hints_dir:
            raise UsageError("--hints and --hints-dir cannot be used together", hint="put all layers into the folder")
        if self.hints_dir and not self.hints_dir.is_dir():
            raise UsageError(f"{self.hints_dir}: is not a folder", hint="--hints takes one PNG, or a ZIP")
        if self.hints and self.hints.is_dir():
            raise UsageError(f"{self.hints}: is a folder", hint="--hints-dir takes one")
        return self.hints or self.hints_dir


@dataclass(frozen=True, slots=True)
class SmoothingOptions:
    """How the color of a film is kept steady."""

    smoothing: Annotated[Smoothing, color("--smoothing", "How color is steadied over time.")] = (
        SmoothingSettings().smoothing
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
        film(
            "--for",
            "archive: H.265, 10 bit, tuned for grain. share: H.264, plays everywhere. edit: ProRes. "
            "master: FFV1, lossless, luma bit for bit.",
            "PURPOSE",
        ),
    ] = _ENCODE.purpose
    codec: Annotated[
        FilmCodec | None, film("--codec", "h264, h265, av1, vp9, prores or ffv1, not what --for implies.", "NAME")
    ] = None
    encoder: Annotated[
        EncoderKind, film("--encoder", "nvenc: on an NVIDIA GPU, faster, larger files. auto: there if a trial works.")
    ] = _ENCODE.encoder
    crf: Annotated[int | None, film("--crf", "Quality, on the encoder's own scale.", "N")] = None
    preset: Annotated[str | None, film("--preset", "The encoder's own preset.", "NAME")] = None
    depth: Annotated[
        int | None, film("--depth", "Bits of a sample. Default: 8 for H.264 and share, else 10 or more.", "BITS")
    ] = None
    side_by_side: Annotated[
        bool, film("--side-by-side", "Show the gray and the colored picture next to each other.")
    ] = False
    start: Annotated[str | None, film("--start", "Begin here: seconds or h:mm:ss.", "TIME")] = None
    end: Annotated[str | None, film("--end", "End before this time.", "TIME")] = None
    fps: Annotated[
        str | None, film("--fps", "Frames a second of a sequence of frames. Default: what they say, or 24.", "RATE")
    ] = None
    leave_out: Annotated[bool, film("--leave-out", "Drop streams that the result's format cannot hold.")] = False
    keep_work: Annotated[
        bool, film("--keep-work", "Keep the chroma beside the result, for another codec or grading later.")
    ] = False

    def settings(self) -> dict[str, Any]:
        """The fields of `FilmSettings` that they decide. Raises `UsageError`."""
        return {
            "encode": EncodeSettings(
                self.purpose, self.codec, self.crf, self.preset, self.encoder, self.side_by_side, self.depth
            ),
            "start_s": seconds_of(self.start),
            "end_s": seconds_of(self.end),
            "fps": rate_of(self.fps),
            "leave_out": self.leave_out,
            "keep_work": self.keep_work,
        }


@dataclass(frozen=True, slots=True)
class ResultOptions:
    """How photographs are written, and what beside them."""

    format: Annotated[
        str | None,
        result("--format", "jpeg, png, tiff, webp, bmp, jpeg2000, pnm or heif. Default: the source's.", "NAME"),
    ] = None
    quality: Annotated[int | None, result("--quality", "Of JPEG and lossy WebP. Default: 95.", "1..100")] = None
    confidence: Annotated[
        bool, result("--confidence", "Draw where the network was guessing, in OUT/.archivecolor/confidence.")
    ] = False
    bag: Annotated[bool, result("--bag", "Make OUT a BagIt bag: results in OUT/data, digests beside it.")] = False
    summary: Annotated[
        Path | None, result("--summary", "Write a row or a record for every file, as .json or .csv.", "FILE")
    ] = None
    report: Annotated[bool, result("--report", "Then make a page for reviewing the results, beside OUT.")] = False


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """What the network runs on."""

    device: Annotated[
        str, engine("--device", "auto, cpu, cuda, cuda:1, coreml or directml.", "NAME", envvar="ARCHIVECOLOR_DEVICE")
    ] = _RUNTIME.device
    precision: Annotated[
        Precision, engine("--precision", "auto is fp16 on GPUs, fp32 on CPUs.", envvar="ARCHIVECOLOR_PRECISION")
    ] = _RUNTIME.precision
    batch: Annotated[
        int | None,
        engine(
            "--batch",
            "Most pictures at a time; fewer if they do not fit.",
            "N",
            envvar="ARCHIVECOLOR_BATCH",
        ),
    ] = None

    def on(self, kind: str) -> EngineSettings:
        """Of an engine. Raises `UsageError`."""
        return EngineSettings(kind=kind, device=self.device, precision=self.precision, batch=self.batch)


_ENGINES: Final = "auto, onnx, torch, tensorrt, tensorrt-rtx, or the path of a plan."
_ENGINE: Final = engine("--engine", _ENGINES, "KIND", envvar="ARCHIVECOLOR_ENGINE")
Engine = Annotated[str, _ENGINE]
ANY_ENGINE: Final = _RUNTIME.kind
_GENERATOR: Final = engine("--generator", "Trained generator, or the folder of one.", "NAME")


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """One generator in one engine."""

    engine: Engine = ANY_ENGINE
    generator: Annotated[str, _GENERATOR] = DEFAULT_GENERATOR

    def settings(self, runtime: RuntimeOptions) -> EngineSettings:
        """Raises `UsageError`."""
        return runtime.on(self.engine)


@dataclass(frozen=True, slots=True)
class EnginesOptions:
    """Every generator in every engine."""

    engine: Annotated[list[str] | None, _ENGINE] = None
    generator: Annotated[list[str] | None, _GENERATOR] = None

    @property
    def generators(self) -> list[str]:
        """At least one."""
        return self.generator or [DEFAULT_GENERATOR]

    def settings(self, runtime: RuntimeOptions) -> list[EngineSettings]:
        """Raises `UsageError`."""
        return [runtime.on(kind) for kind in self.engine or [_RUNTIME.kind]]


@dataclass(frozen=True, slots=True)
class ProvenanceOptions:
    """What results say of themselves."""

    embed: Annotated[
        bool, provenance("--embed/--no-embed", "Say in each result's XMP that, and how, it was colored.")
    ] = True
    sidecar: Annotated[bool, provenance("--sidecar", "Write PREMIS beside each still: NAME.premis.xml.")] = False
    sign_key: SignKey = None
    sign_certificates: SignCertificates = None

    def output(self, result: ResultOptions) -> OutputSettings:
        """How stills are written. Raises `UsageError`."""
        return OutputSettings(
            format=still_format(result.format), quality=result.quality, embed_record=self.embed, sidecar=self.sidecar
        )


@dataclass(frozen=True, slots=True)
class TellOptions:
    """What a command says, and where."""

    json: Json = False
    quiet: Annotated[bool, output("--quiet -q", "Only failures, on stderr.")] = False
    verbose: Annotated[bool, output("--verbose -v", "A line for every file.")] = False
    log_file: Annotated[Path | None, output("--log-file", "Append every message to this file, too.", "FILE")] = None

    def begin(self) -> None:
        """Send messages where they belong. Raises `OutputError`."""
        console.set_up_logging(quiet=self.quiet, verbose=self.verbose, log_file=self.log_file)
