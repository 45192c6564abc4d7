"""OpenEXR through OpenImageIO (the extra ``scans``): one part of half floats, with all its attributes.

Luma is the luminance of Rec. 709 in half floats, carried as their 16 bits. The result's luminance, rounded to half,
is the source's in every bit: green is the half that brings it back, and where none does blue is moved by steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from archivecolor.color import FloatArray, UIntArray, srgb_to_linear
from archivecolor.errors import DependencyError, InputError, OutputError
from archivecolor.installation import install_line

if TYPE_CHECKING:
    from OpenImageIO import ImageSpec

Half = npt.NDArray[np.float16]

_WEIGHTS: Final = np.array((0.2126, 0.7152, 0.0722), np.float32)
_LOSSY: Final = ("b44", "b44a", "dwaa", "dwab")
_OF_THE_FILE: Final = ("compression", "oiio:RowsPerChunk", "oiio:subimages")
_EVEN: Final = np.float32(0.18)
"""Luminance of a gray card."""
_TRIES: Final = 24
_XMP: Final = "xmp"
"""The attribute in which ExifTool shows it."""
_HINT: Final = "restore it from a copy, or convert it to RGB half floats"


@dataclass(frozen=True, slots=True)
class ExrFrame:
    """A decoded file."""

    spec: ImageSpec
    luma: UIntArray
    """``[h, w]``: the bits of half floats."""
    others: tuple[tuple[str, Half], ...]
    """Channels that are no color, by name."""
    rgb: Half | None
    """None of gray."""

    @property
    def attributes(self) -> set[str]:
        """What the header says besides size and channels, in words."""
        return {f"{a.name} {a.value}" for a in self.spec.extra_attribs if a.name not in _OF_THE_FILE}


def _library(path: Path) -> Any:
    try:
        import OpenImageIO
    except ImportError as e:
        raise DependencyError(f"{path}: OpenEXR needs another package", hint=install_line("scans")) from e
    return OpenImageIO


def read(path: Path) -> ExrFrame:
    """Decode. Raises `InputError` or `DependencyError`."""
    spec, samples, colors = _decoded(path, "half")
    names = tuple(spec.channelnames)
    others = tuple((n, np.ascontiguousarray(samples[..., i])) for i, n in enumerate(names) if n not in colors)
    rgb = np.ascontiguousarray(samples[..., [names.index(c) for c in colors]])
    return ExrFrame(spec, luma_bits(rgb), others, rgb if len(colors) == 3 else None)


def read_light(path: Path) -> tuple[FloatArray, bytes | None]:
    """The light ``[h, w, 1 or 3]`` of a file of half or whole floats, and its XMP. Raises what `read` does."""
    spec, samples, colors = _decoded(path, "half", "float")
    xmp = spec.getattribute(_XMP)
    light = samples[..., [spec.channelnames.index(c) for c in colors]]
    return np.asarray(light, np.float32), xmp.encode() if isinstance(xmp, str) else None


def _decoded(path: Path, *kinds: str) -> tuple[ImageSpec, npt.NDArray[Any], tuple[str, ...]]:
    """Header, samples ``[h, w, channels]`` of one of the ``kinds``, and the names of the channels that are color."""
    oiio = _library(path)
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise InputError(f"{path}: cannot be decoded: {oiio.geterror().strip()}", hint=_HINT)
    try:
        spec = source.spec()
        names = tuple(spec.channelnames)
        colors = next((c for c in (("R", "G", "B"), ("Y",)) if set(c) <= set(names)), None)
        plain = str(spec.format) in kinds and not spec.channelformats and not spec.deep
        if not plain or source.seek_subimage(1, 0) or colors is None:
            kind = f"{spec.format} channels {', '.join(names)}"
            raise InputError(f"{path}: holds {kind}; one part of half R, G, B or Y is read", hint=_HINT)
        source.seek_subimage(0, 0)
        samples = source.read_image(str(spec.format))
        if samples is None:
            raise InputError(f"{path}: cannot be decoded: {source.geterror().strip()}", hint=_HINT)
    finally:
        source.close()
    return spec, np.asarray(samples).reshape(spec.height, spec.width, len(names)), colors


def luma_bits(rgb: Half) -> UIntArray:
    """``[h, w]`` luminance of ``[h, w, 1 or 3]`` halfs, as bits; of gray pixels, whatever they hold, their own."""
    bits = rgb.view(np.uint16)
    if rgb.shape[2] == 1:
        return np.ascontiguousarray(bits[..., 0])
    gray = (bits[..., 0] == bits[..., 1]) & (bits[..., 1] == bits[..., 2])
    with np.errstate(all="ignore"):
        # Term by term: a product of matrices rounds a pixel according to where it lies
        red, green, blue = (np.multiply(rgb[..., i], _WEIGHTS[i], dtype=np.float32) for i in range(3))
        luma = (red + green + blue).astype(np.float16).view(np.uint16)
    return np.where(gray, bits[..., 0], luma)


def lay(luma: UIntArray, shown: FloatArray) -> Half:
    """Halfs ``[h, w, 3]`` of the luminance ``[h, w]`` (bits) and the color of ``[h, w, 3]`` sRGB in 0..1."""
    return _lay(luma, srgb_to_linear(shown))


def evened(luma: UIntArray, rgb: Half) -> FloatArray:
    """Light ``[h, w, 3]`` of the color of halfs whose luminance is ``[h, w]`` (bits), and of an even luminance."""
    y, plain = _luminance(luma)
    even = rgb * (_EVEN / y)[..., None]
    even[~plain] = _EVEN
    return np.asarray(even, np.float32)


def laid(luma: UIntArray, light: FloatArray) -> Half:
    """Halfs of the luminance ``[h, w]`` (bits) and the color of light ``[h, w, 3]``: what `evened` made it of."""
    y, plain = _luminance(luma)
    light = np.where(np.isfinite(light) & ~(light < 0), light, np.float32(0))
    light = np.where(light.any(axis=2, keepdims=True), light, _EVEN)
    with np.errstate(over="ignore"):
        rgb = (light * (y / _EVEN)[..., None]).astype(np.float16)
    rgb[~plain] = luma.view(np.float16)[~plain][:, None]
    wrong = luma_bits(rgb) != luma
    if wrong.any():
        rgb[wrong] = _lay(luma[wrong][None], light[wrong][None])[0]
    return rgb


def _luminance(luma: UIntArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Luminance of bits, and where it is any; 1 elsewhere."""
    y = luma.view(np.float16).astype(np.float32)
    plain = np.isfinite(y) & (y > 0)
    return np.where(plain, y, np.float32(1)), plain


def _lay(luma: UIntArray, light: FloatArray) -> Half:
    y, plain = _luminance(luma)
    light *= (y / np.maximum(light @ _WEIGHTS, np.float32(1e-9)))[..., None]
    rgb = np.empty(light.shape, np.float16)
    with np.errstate(over="ignore"):
        rgb[..., 0], rgb[..., 2] = light[..., 0], light[..., 2]
        rgb[..., 1] = _green(rgb[..., 0], rgb[..., 2], y)
        wrong = np.nonzero(luma_bits(rgb) != luma)
        for step in _steps():
            if not len(wrong[0]):
                break
            tried = rgb[wrong]
            blue = tried[:, 2].view(np.uint16).astype(np.int32) + step
            tried[:, 2] = np.clip(blue, 0, 0x7BFF).astype(np.uint16).view(np.float16)
            tried[:, 1] = _green(tried[:, 0], tried[:, 2], y[wrong])
            fits = luma_bits(tried[None])[0] == luma[wrong]
            rgb[wrong[0][fits], wrong[1][fits]] = tried[fits]
            wrong = wrong[0][~fits], wrong[1][~fits]
    left = ~plain
    left[wrong] = True
    rgb[left] = luma.view(np.float16)[left][:, None]
    return rgb


def _green(red: Half, blue: Half, y: FloatArray) -> FloatArray:
    return np.asarray((y - red * _WEIGHTS[0] - blue * _WEIGHTS[2]) / _WEIGHTS[1], dtype=np.float32)


def _steps() -> list[int]:
    """Of blue, from the nearest on."""
    return [sign * step for step in range(1, _TRIES + 1) for sign in (1, -1)]


def write(
    path: Path,
    target: Path,
    rgb: Half | FloatArray,
    frame: ExrFrame,
    record: Callable[[bytes | None], bytes] | None = None,
) -> tuple[str, ...]:
    """Write ``[h, w, 3]`` floats and the other channels of ``frame`` into ``path``, whose result will be ``target``.

    ``record`` makes of the XMP that is there what is to be there. Gives what had to be changed. Raises `OutputError`.
    """
    oiio = _library(target)
    spec = frame.spec.copy()
    names = ("R", "G", "B", *(name for name, _ in frame.others))
    spec.nchannels, spec.channelnames = len(names), names
    spec.set_format("half" if rgb.dtype == np.float16 else "float")
    spec.alpha_channel = names.index("A") if "A" in names else -1
    said: tuple[str, ...] = ()
    if record:
        was = spec.getattribute(_XMP)
        spec.attribute(_XMP, record(was.encode() if isinstance(was, str) else None).decode())
    compression = str(spec.getattribute("compression") or "")
    if compression.split(":")[0] in _LOSSY:
        spec.attribute("compression", "zip")
        said = (f"its compression {compression} loses light: zip is written",)
    samples = np.concatenate([rgb, *(plane[..., None] for _, plane in frame.others)], axis=2)
    out = oiio.ImageOutput.create("openexr")
    ok = (
        out is not None and out.open(str(path), spec) and out.write_image(np.ascontiguousarray(samples)) and out.close()
    )
    if not ok:
        raise OutputError(f"{target}: cannot be written: {out.geterror().strip() if out else oiio.geterror()}")
    return said
