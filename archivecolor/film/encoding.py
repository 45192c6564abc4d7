"""Choosing an encoder.

Luma keeps its depth wherever the codec has it; everything that must be given up is said in `Encoding.notes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from archivecolor.errors import OutputError, UsageError
from archivecolor.film.alpha import alpha_depth
from archivecolor.film.codecs import CODECS, NAMES, S420, S422, S444, Codec, Shift, codec_for, plays_everywhere
from archivecolor.film.form import PictureForm
from archivecolor.settings import EncodeSettings, FilmCodec, Purpose

CAPTIONED: Final = {FilmCodec.H264, FilmCodec.H265}
"""Codecs whose encoders write the captions (A/53) that lie beside a frame."""
_IDENTITY: Final = 0
"""Of ITU-T H.273: RGB as it is."""
_PRORES_TAGS: Final = {S422: "apch", S444: "ap4h"}
_USUAL_DEPTH: Final = 10
"""Skies and skin band at 8."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """One way of encoding one film's picture."""

    codec: FilmCodec
    encoder: str
    pixel_format: str
    depth: int
    full_range: bool
    shift: Shift
    parity: str | None
    """'tff' or 'bff' of interlaced film, None of progressive."""
    options: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    input_format: str | None = None
    """What the encoder takes, where that is `pixel_format` in another order."""
    padding: tuple[int, int] = (0, 0)
    """Columns and rows that repeat the last ones, where the codec has even sides only."""
    alpha: bool = False
    """Whether the source's opacity goes along."""

    @property
    def rgb(self) -> bool:
        """Whether the picture is stored as RGB, as its source's is."""
        return self.pixel_format.startswith("gbrp")

    @property
    def matrix(self) -> int | None:
        """What the picture is tagged with in place of its form's: RGB has none."""
        return _IDENTITY if self.rgb else None

    @property
    def taken_format(self) -> str:
        """The pixel format that the encoder is given."""
        return self.input_format or self.pixel_format

    @property
    def codec_tag(self) -> str | None:
        """What the picture is marked with where the container's own idea would be wrong: ProRes is 4:2:2 to it."""
        return _PRORES_TAGS[self.shift] if self.codec is FilmCodec.PRORES else None

    @property
    def summary(self) -> str:
        """For people: 'H265, 10 bit 4:2:0', or 'H265 by NVENC, 8 bit 4:2:0'."""
        sampling = "RGB" if self.rgb else ":".join(NAMES[self.shift])
        by = " by NVENC" if self.encoder.endswith("_nvenc") else ""
        more = f"{' with alpha' if self.alpha else ''}{', interlaced' if self.parity else ''}"
        return f"{self.codec.upper()}{by}, {self.depth} bit {sampling}{more}"


def plan_encoding(form: PictureForm, settings: EncodeSettings, container: str, *, interlaced: bool) -> Encoding:
    """Choose how to encode pictures of ``form``. Raises `UsageError` or `OutputError` where it cannot be done."""
    name, why = codec_for(settings, container, interlaced=interlaced)
    codec = CODECS[name]
    notes: list[str] = [why] if why else []
    opacity = alpha_depth(form.pixel_format)
    alpha = opacity is not None and bool(codec.alpha)
    if alpha:
        codec = replace(codec, shifts=tuple(codec.alpha))
    elif opacity is not None:
        notes.append(
            f"{name} has no alpha channel, the film's is left out: --for master (.mkv) or edit (.mov) keeps it"
        )
    shift, padding = _shift(form, codec, settings, name, notes, interlaced=interlaced)
    if alpha:
        codec = replace(codec, depths=codec.alpha[shift])
    depth = _depth(form, codec, settings, name, notes, opacity or 0 if alpha else 0)
    full = form.full_range and codec.full_range
    if form.full_range and not full:
        notes.append(f"{name} is limited range: luma is rescaled from full range")
    rgb = _stays_rgb(form, name, settings, interlaced=interlaced)
    if rgb:
        shift = S444
    elif form.converted:
        notes.append(f"the source stores {form.pixel_format}, no luma: luma is computed")
    return Encoding(
        codec=name,
        encoder=codec.encoder,
        pixel_format=("gbrp" if rgb else f"yuv{'a' if alpha else ''}{NAMES[shift]}p")
        + ("" if depth == 8 else f"{depth}le"),
        depth=depth,
        full_range=full,
        shift=shift,
        parity=(form.parity or "tff") if interlaced else None,
        options=tuple(_with_hdr(_options(codec, name, settings, shift), name, form).items()),
        notes=tuple(notes),
        input_format="bgr0" if rgb and depth == 8 else None,
        padding=padding,
        alpha=alpha,
    )


def _stays_rgb(form: PictureForm, name: FilmCodec, settings: EncodeSettings, *, interlaced: bool) -> bool:
    """Whether a source of RGB is written as RGB, whose luma is exact, too."""
    own_depth = settings.depth in (None, form.depth)
    return name is FilmCodec.FFV1 and form.is_rgb and own_depth and not settings.side_by_side and not interlaced


def _depth(form: PictureForm, codec: Codec, settings: EncodeSettings, name: str, notes: list[str], opacity: int) -> int:
    """Bits of a sample; ``opacity`` is how many the source's alpha channel has, if that is kept."""
    if settings.depth is not None and settings.depth not in codec.depths:
        raise UsageError(
            f"{name} has no depth of {settings.depth} bit", hint=f"--depth {' or '.join(map(str, codec.depths))}"
        )
    wanted = max(form.depth, opacity)
    if plays_everywhere(settings):
        wanted = 8
    elif name != FilmCodec.FFV1:
        wanted = max(wanted, _USUAL_DEPTH)
    depth = settings.depth or min((d for d in codec.depths if d >= wanted), default=codec.depths[-1])
    if depth < form.depth:
        notes.append(f"luma is rounded from {form.depth} to {depth} bit")
    if depth < opacity:
        notes.append(f"the alpha channel is rounded from {opacity} to {depth} bit")
    return depth


def _shift(
    form: PictureForm, codec: Codec, settings: EncodeSettings, name: str, notes: list[str], *, interlaced: bool
) -> tuple[Shift, tuple[int, int]]:
    """How chroma is subsampled, and the columns and rows that are added for that."""
    shift = form.chroma_shift if form.chroma_shift in codec.shifts else codec.shifts[0]
    everywhere = plays_everywhere(settings)
    if everywhere:
        shift = S420
    width, height = form.width, form.height  # each of two pictures beside each other has its own chroma
    if not codec.odd_subsampled and ((shift[0] and width % 2) or (shift[1] and height % 2)):
        if everywhere:
            notes.append(f"odd size {width} x {height}: the last column or row is repeated, to play everywhere")
            return shift, (width % 2, height % 2)
        if S444 not in codec.shifts:
            raise OutputError(
                f"{name} cannot hold odd sizes ({width} x {height})", hint="--codec h264, h265, vp9 or ffv1"
            )
        notes.append(f"odd size {width} x {height}: chroma is stored 4:4:4, which some players cannot play")
        return S444, (0, 0)
    if interlaced and shift == S420 and height % 4 and name == FilmCodec.H264:
        notes.append("interlaced and not a multiple of 4 high: chroma is stored 4:2:2")
        return S422, (0, 0)
    return shift, (0, 0)


def written_size(form: PictureForm, encoding: Encoding, *, side_by_side: bool) -> tuple[int, int]:
    """Stored width and height of what is written: the picture, or two upright ones beside each other."""
    width, height = form.width + encoding.padding[0], form.height + encoding.padding[1]
    if not side_by_side:
        return width, height
    return (width, 2 * height) if form.orientation.swaps_sides else (2 * width, height)


def _options(codec: Codec, name: str, settings: EncodeSettings, shift: Shift) -> dict[str, str]:
    options = dict(codec.options)
    if settings.crf is not None:
        if codec.crf is None:
            raise UsageError(f"{name} has no --crf", hint="leave it out")
        if not codec.crf[1] <= settings.crf <= codec.crf[2]:
            raise UsageError(f"crf is {settings.crf}", hint=f"{name} takes {codec.crf[1]} to {codec.crf[2]}")
    if codec.crf is not None:
        options["crf"] = str(codec.crf[0] if settings.crf is None else settings.crf)
    if settings.preset is not None and codec.preset is None:
        raise UsageError(f"{name} has no --preset", hint="leave it out")
    if codec.preset is not None:
        options[codec.preset[0]] = settings.preset or codec.preset[1]
    if name == FilmCodec.PRORES:
        options["profile"] = "hq" if shift == S422 else "4444"
    if name == FilmCodec.H265 and settings.codec is None and settings.purpose is Purpose.ARCHIVE:
        options["tune"] = "grain"
    return options


def _with_hdr(options: dict[str, str], name: FilmCodec, form: PictureForm) -> dict[str, str]:
    """``options`` and those that write the film's HDR metadata into the picture."""
    for key, value in (form.hdr.options(name) if form.hdr else {}).items():
        options[key] = f"{options[key]}:{value}" if key in options else value
    return options
