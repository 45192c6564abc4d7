"""Settings, as immutable values that survive pickling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from archivecolor.errors import UsageError

DEFAULT_GENERATOR = "archive"
"""The one that is used when none is named."""

LARGEST_BATCH = 256
"""Pictures. The trained graph's own limit."""

LARGEST_SATURATION = 3.0


def settle(settings: object, **choices: type[StrEnum]) -> None:
    """Make the fields that ``choices`` names members of their enumerations. Raises `UsageError` for what is none."""
    for name, kind in choices.items():
        value = getattr(settings, name)
        try:
            object.__setattr__(settings, name, None if value is None else kind(value))
        except ValueError as e:
            raise UsageError(f"there is no {name} '{value}'", hint=f"one of {', '.join(kind)}") from e


class Precision(StrEnum):
    """How an engine computes."""

    AUTO = "auto"
    FP16 = "fp16"
    FP32 = "fp32"

    def on(self, *, gpu: bool) -> Precision:
        """What ``auto`` means on a device: fp16 on a GPU, fp32 on a CPU."""
        if self is Precision.AUTO:
            return Precision.FP16 if gpu else Precision.FP32
        return self


class StillFormat(StrEnum):
    """File formats that stills are written in."""

    JPEG = "jpeg"
    PNG = "png"
    TIFF = "tiff"
    WEBP = "webp"
    BMP = "bmp"
    JPEG2000 = "jpeg2000"
    PNM = "pnm"
    HEIF = "heif"


class AlreadyColor(StrEnum):
    """What to do with pictures that are in color already."""

    SKIP = "skip"
    COPY = "copy"
    """The file itself, unchanged."""
    RECOLOR = "recolor"
    """Colored from its luma, like any other."""


class Kinds(StrEnum):
    """What of a mixed folder is colored."""

    ALL = "all"
    STILLS = "stills"
    FILMS = "films"


class Luma(StrEnum):
    """What became of a picture's luma when it was written."""

    SAME = "same"
    RECODED = "coded anew"
    """A JPEG's could not be copied, and compressing it again moved it."""
    LOSSY = "coded with loss"
    """As was asked for, by a quality or a format."""


@dataclass(frozen=True, slots=True)
class ColorSettings:
    """How color is made. Every field changes pixels."""

    strength: float = 1.0
    """0 leaves the picture gray, 1 is the whole chroma, as it was predicted and graded."""
    saturation: float = 1.0
    """Factor on chroma, up to `LARGEST_SATURATION`; vivid colors are spared."""
    warmth: float = 0.0
    """-1 is bluer, 1 is yellower; black and white stay neutral."""
    references: tuple[Path, ...] = ()
    """Photographs in color, or folders of them, whose colors are taken where they are alike: see `references`."""
    hints: Path | None = None
    """Painted strokes: a PNG for the one picture of its name, or a folder of them: see `hints.Hints`; for runs also the
    ZIP of such a folder."""
    network_px: int | None = None
    """Short side, in pixels, of what the generator sees; None takes the engine's own."""
    thorough: bool = False
    """Ask the generator about three views of each picture and take the mean."""
    frames: Path | None = None
    """A folder of frames of the one film that somebody colored, named after these: see `colored_frames`."""

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise UsageError(f"strength is {self.strength:g}", hint="give a number from 0 to 1")
        if not 0 <= self.saturation <= LARGEST_SATURATION:
            raise UsageError(
                f"saturation is {self.saturation:g}", hint=f"give a number from 0 to {LARGEST_SATURATION:g}"
            )
        if not -1 <= self.warmth <= 1:
            raise UsageError(f"warmth is {self.warmth:g}", hint="give a number from -1 to 1")
        if self.network_px is not None and not 32 <= self.network_px <= 2048:
            raise UsageError(f"the network's short side is {self.network_px} px", hint="give 32 to 2048")


_YES, _NO = ("yes", "true", "1"), ("no", "false", "0", "")


@dataclass(frozen=True, slots=True)
class ShotSettings:
    """How one shot of a film is colored, where that is not as the film is."""

    strength: float | None = None
    saturation: float | None = None
    warmth: float | None = None
    reference: Path | None = None
    """A photograph, or a folder of them, for this shot alone."""
    hints: Path | None = None
    """A layer of strokes that is named after its frame, or a folder of them."""
    leave_gray: bool = False

    def __post_init__(self) -> None:
        self.over(ColorSettings())

    @classmethod
    def of(cls, told: Mapping[str, str], folder: Path) -> ShotSettings:
        """Of texts by the names of the fields; paths are relative to ``folder``. Raises `UsageError`."""
        given: dict[str, Any] = {}
        for name in ("strength", "saturation", "warmth"):
            if text := told.get(name):
                try:
                    given[name] = float(text)
                except ValueError:
                    raise UsageError(f"{name} is '{text}'", hint="give a number") from None
        for name in ("reference", "hints"):
            if text := told.get(name):
                given[name] = folder / text
                if "\0" in text or not given[name].exists():
                    raise UsageError(
                        f"the {name} '{text}' is not there", hint="paths are relative to the list's folder"
                    )
        gray = told.get("leave_gray", "").lower()
        if gray not in (*_YES, *_NO):
            raise UsageError(f"leave_gray is '{gray}'", hint="give yes or no")
        return cls(**given, leave_gray=gray in _YES)

    def told(self) -> dict[str, str]:
        """The texts that `of` reads; what is not set is left out."""
        values = {name: value for name, value in asdict(self).items() if value not in (None, False)}
        return {name: "yes" if value is True else f"{value}" for name, value in values.items()}

    def over(self, color: ColorSettings) -> ColorSettings:
        """The film's settings with the shot's own grade. Raises `UsageError`."""
        grade = {
            name: value for name in ("strength", "saturation", "warmth") if (value := getattr(self, name)) is not None
        }
        return replace(color, **(grade | ({"strength": 0.0} if self.leave_gray else {})))


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What computes the chroma. Whatever is chosen, the colors are the same to the eye."""

    kind: str = "auto"
    """auto, onnx, torch, tensorrt, tensorrt-rtx, or the path of a plan."""
    device: str = "auto"
    """auto, cpu, cuda, coreml or directml; a number may follow: ``cuda:1``."""
    precision: Precision = Precision.AUTO
    batch: int | None = None
    """Most pictures that go to the device at a time; None lets the engine decide."""
    threads: int = 0
    """CPU threads of one picture; 0: as many as there are cores."""

    def __post_init__(self) -> None:
        settle(self, precision=Precision)
        if self.batch is not None and not 1 <= self.batch <= LARGEST_BATCH:
            raise UsageError(f"the batch is {self.batch} pictures", hint=f"give 1 to {LARGEST_BATCH}")


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """How results are written."""

    format: StillFormat | None = None
    """None keeps the source's."""
    quality: int | None = None
    """JPEG and lossy WebP: 1 to 100. None is 95, and a JPEG whose source is one keeps the source's luma tables."""
    embed_record: bool = True
    """Whether results say in their XMP that and how they were colored."""
    sidecar: bool = False
    """Whether that is written beside them, too."""

    def __post_init__(self) -> None:
        settle(self, format=StillFormat)
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise UsageError(f"quality is {self.quality}", hint="give a number from 1 to 100")


class Smoothing(StrEnum):
    """How color is steadied over time."""

    OFF = "off"
    """Every frame is colored by itself."""
    CAUSAL = "causal"
    """From the frames before."""
    FULL = "full"
    """From the frames before and after."""


class FilmCodec(StrEnum):
    """What the picture of a film is encoded with."""

    H264 = "h264"
    H265 = "h265"
    AV1 = "av1"
    VP9 = "vp9"
    PRORES = "prores"
    FFV1 = "ffv1"


class EncoderKind(StrEnum):
    """Where the picture of a film is encoded."""

    SOFTWARE = "software"
    AUTO = "auto"
    """On an NVIDIA GPU where that works, else in software."""
    NVENC = "nvenc"


class Purpose(StrEnum):
    """What a colored film is for; each stands for a codec and its settings."""

    ARCHIVE = "archive"
    """H.265, 10 bit, tuned for grain."""
    SHARE = "share"
    """H.264, 8 bit 4:2:0: plays everywhere."""
    EDIT = "edit"
    """ProRes 422 HQ."""
    MASTER = "master"
    """FFV1: lossless, the source's luma bit for bit."""


class Write(StrEnum):
    """What is written of a film."""

    FILM = "film"
    CHROMA = "chroma"
    """Its chroma alone, lossless, for a grading suite to lay over the master."""


@dataclass(frozen=True, slots=True)
class SmoothingSettings:
    """How the color of a film is made over time."""

    smoothing: Smoothing = Smoothing.FULL
    every: int = 8
    """The generator runs on every Nth frame, where something new appears and where its answers disagree; the
    others are carried to."""

    def __post_init__(self) -> None:
        settle(self, smoothing=Smoothing)
        if not 1 <= self.every <= 48:
            raise UsageError(f"every is {self.every}", hint="give a number from 1 to 48")


@dataclass(frozen=True, slots=True)
class EncodeSettings:
    """How a film's picture is encoded."""

    purpose: Purpose = Purpose.ARCHIVE
    codec: FilmCodec | None = None
    """None takes the purpose's."""
    crf: int | None = None
    """The encoder's own scale; None takes the purpose's."""
    preset: str | None = None
    encoder: EncoderKind = EncoderKind.SOFTWARE
    side_by_side: bool = False
    """The gray picture and the colored one, beside each other."""
    depth: int | None = None
    """Bits of a sample. None is 8 for H.264 by name and for sharing, and otherwise at least 10 and the source's."""

    def __post_init__(self) -> None:
        settle(self, purpose=Purpose, codec=FilmCodec, encoder=EncoderKind)


def changed(settings: Any) -> dict[str, str | float | int | bool | None]:
    """The fields of a settings object that differ from their defaults, in values that JSON knows.

    What an item was made with is told and compared by these, so that an option that a later version adds changes
    nothing for results that are there already.
    """
    defaults = asdict(type(settings)())
    differing = {name: value for name, value in asdict(settings).items() if value != defaults[name]}
    return {n: v if isinstance(v, str | float | int | bool | None) else str(v) for n, v in differing.items()}
