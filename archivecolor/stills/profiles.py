"""ICC profiles of gray and of color with one tone curve: the same numbers stay the same lightness.

A gray profile (gamma 2.2, dot gain 20 %) says how light each value is; it must not be embedded in an RGB file. Its tone
curve is put into an RGB profile with the primaries of sRGB, so that gray pixels look as they did and no value is
changed. The way back is the same. ICC.1:2010, sections 7 and 8.
"""

from __future__ import annotations

import io
import struct
from typing import Final

from PIL import Image, ImageCms

_HEADER_BYTES: Final = 128
_GRAY: Final = b"GRAY"
_RGB: Final = b"RGB "
_CURVES: Final[tuple[bytes, ...]] = (b"rTRC", b"gTRC", b"bTRC")
_KEPT: Final[tuple[bytes, ...]] = (b"desc", b"cprt", b"wtpt", b"chad", b"dmnd", b"dmdd")
_PRIMARIES: Final = {
    # sRGB's, adapted to D50 (IEC 61966-2-1, ICC's reference profile)
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}


def for_color(icc: bytes | None) -> tuple[bytes | None, tuple[str, ...]]:
    """The profile that describes the colored picture, and what is to be said of it."""
    if not icc or icc[16:20] == _RGB:
        return icc or None, ()
    tags = _tags(icc)
    if icc[16:20] == _GRAY and icc[20:24] == b"XYZ " and b"kTRC" in tags:
        new: dict[bytes, bytes] = {name: tags[name] for name in _KEPT if name in tags}
        new |= {name: b"XYZ \0\0\0\0" + _fixed(*xyz) for name, xyz in _PRIMARIES.items()}
        new |= dict.fromkeys(_CURVES, tags[b"kTRC"])
        return _profile(icc, _RGB, new), ()
    space = icc[16:20].decode("ascii", "replace").strip("\0 ")
    named = {"": "", "GRAY": "gray "}.get(space, f"{space} ")
    return None, (f"its {named}ICC profile does not fit a color picture: left out",)


def in_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """A picture as sRGB, of the colors that a profile says its samples are. Raises `ValueError` for a damaged one."""
    if not icc:
        return image.convert("RGB")
    rgb = image.convert("RGB")
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        ImageCms.profileToProfile(rgb, profile, ImageCms.createProfile("sRGB"), inPlace=True)
    except (ImageCms.PyCMSError, OSError, TypeError) as e:
        raise ValueError(f"its color profile cannot be used: {e}") from e
    return rgb


def for_gray(icc: bytes | None) -> tuple[bytes | None, tuple[str, ...]]:
    """The profile that describes a color picture's luma, and what is to be said of it."""
    if not icc or icc[16:20] == _GRAY:
        return icc or None, ()
    tags = _tags(icc)
    curves = {tags.get(name) for name in _CURVES}
    curve = curves.pop() if len(curves) == 1 else None
    if curve is None:
        return None, ("its ICC profile does not fit a gray picture: left out",)
    new: dict[bytes, bytes] = {name: tags[name] for name in _KEPT if name in tags}
    return _profile(icc, _GRAY, new | {b"kTRC": curve}), ()


def _tags(icc: bytes) -> dict[bytes, bytes]:
    """The tags whose places and sizes are true."""
    if len(icc) < _HEADER_BYTES + 4:
        return {}
    count = min(struct.unpack_from(">I", icc, _HEADER_BYTES)[0], (len(icc) - _HEADER_BYTES - 4) // 12)
    entries = (struct.unpack_from(">4sII", icc, _HEADER_BYTES + 4 + 12 * i) for i in range(count))
    return {name: icc[at : at + size] for name, at, size in entries if _HEADER_BYTES < at <= at + size <= len(icc)}


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))


def _profile(like: bytes, space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A display profile with the header of another."""
    body, places = bytearray(), {}
    start = _HEADER_BYTES + 4 + 12 * len(tags)
    for data in dict.fromkeys(tags.values()):  # equal curves lie there once
        places[data] = start + len(body)
        body += data + b"\0" * (-len(data) % 4)
    table = b"".join(struct.pack(">4sII", name, places[data], len(data)) for name, data in tags.items())
    head = bytearray(like[:_HEADER_BYTES])
    struct.pack_into(">I", head, 0, start + len(body))
    head[12:16], head[16:20], head[20:24] = b"mntr", space, b"XYZ "
    head[84:100] = bytes(16)  # the profile's own digest, which is another now
    return bytes(head) + struct.pack(">I", len(tags)) + table + bytes(body)
