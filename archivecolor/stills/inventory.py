"""What a photograph's file carries beside its picture, by name: taken of source and result, the difference is told.

Nothing here writes, and nothing that writes is used here. There is no list of what is looked for: what is not known
counts as something that is carried. Of what the result rightly says in other words (its profile, its XMP with the
record, a thumbnail drawn again), only that it is there is compared.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from archivecolor.stills import inventory_bare, inventory_heif
from archivecolor.stills.inventory_bare import Held
from archivecolor.stills.inventory_ifd import Directory, Structure, directories

_MOST_TOLD, _MOST_THINGS = 12, 20_000
_LONGEST_BYTES: Final = 64 << 20
_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_JOINED: Final = {
    "comment": (0xFE, b""),
    "IPTC": (0xED, b"Photoshop 3.0\0"),
    "second part of the XMP": (0xE1, b"http://ns.adobe.com/xmp/extension/\0"),
}
"""Of a JPEG: what several segments hold together, with its marker and how it begins."""
_THUMBNAILS: Final = (1033, 1036)
_ICC, _XMP, _PHOTOSHOP, _SUB_PICTURES = 34675, 700, 34377, 330
_RESOLUTION: Final = (282, 283, 296)
_REDUCED: Final = 5
_PNG_PICTURE: Final = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"CgBI", b"iDOT")
_WEBP_PICTURE: Final = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH")
_BOX_PICTURE: Final = (b"jP  ", *b"ftyp jp2h jp2c ihdr bpcc cdef pclr cmap mdat free".split())
_XMP_UUID: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a file carries."""

    group: str
    """What kind of thing, in the words of the warnings: where one tells of the kind, the thing is not told again."""
    digest: str = ""
    """Of its bytes, or what it says; empty where only its being there counts."""


Inventory = dict[str, Thing]
_Walk = Callable[[BinaryIO], Iterator[tuple[str, Thing]]]


def inventory(file: BinaryIO) -> Inventory:
    """Everything in a file, by name. What is damaged ends the list where it stands."""
    file.seek(0)
    head = file.read(16)
    walk = next((walk for starts, walk in _WALKS if starts(head)), None)
    found: Inventory = {}
    if walk is not None:
        try:
            for name, thing in walk(file):
                if name not in found or not thing.digest:
                    found[name] = thing
                elif found[name].digest != thing.digest:  # several of a name
                    found[name] = Thing(thing.group, _digest((found[name].digest + thing.digest).encode()))
                if len(found) > _MOST_THINGS:
                    break
        except (struct.error, ValueError, LookupError, OverflowError, zlib.error):
            pass
    return found


def missing(before: Inventory, after: Inventory, said: tuple[str, ...]) -> tuple[str, ...]:
    """A warning that names what of ``before`` is not in ``after`` and of which ``said`` does not tell; or none."""
    names = []
    for name, thing in before.items():
        now = after.get(name)
        if any(thing.group in warning for warning in said) or (now and now.digest == thing.digest):
            continue
        names.append(f"{name} (changed)" if now else name)
    if not names:
        return ()
    more = f" and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
    return (f"not carried over: {', '.join(names[:_MOST_TOLD])}{more}",)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _printable(name: bytes) -> str:
    """The beginning of what may be a name, as text that is safe to show."""
    return re.sub(r"[^ -~]", "?", name.split(b"\0", 1)[0][:40].decode("latin-1"))


def _resolution(across: float, down: float, unit: str) -> Iterator[tuple[str, Thing]]:
    if across <= 0 or down <= 0:
        return
    if unit:
        yield "resolution", Thing("resolution", f"{across:.3g} x {down:.3g}")
    elif abs(across / down - 1) > 0.005:
        yield "pixel aspect", Thing("resolution", f"{across / down:.3g}")


def _jpeg(file: BinaryIO) -> Iterator[tuple[str, Thing]]:
    file.seek(0)
    resolved = False
    joined: dict[str, bytes] = {}
    for marker, body in _jpeg_parts(file.read()):
        if marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 12:
            unit, across, down = struct.unpack_from(">BHH", body, 7)
            scale = 2.54 if unit == 2 else 1.0
            resolved = unit > 0
            yield from _resolution(across * scale, down * scale, "inch" if unit else "")
            if len(body) > 14:
                yield "JFIF thumbnail", Thing("JFIF thumbnail")
        elif name := next((name for name, (m, start) in _JOINED.items() if m == marker and body.startswith(start)), ""):
            between = b"\n" if name == "comment" and name in joined else b""
            joined[name] = joined.get(name, b"") + between + body[len(_JOINED[name][1]) :]
        elif marker == 0:
            if body.strip(b"\0"):
                yield f"{len(body)} bytes behind the picture", Thing("behind", _digest(body))
        else:
            yield from ((n, t) for n, t in _segment(marker, body) if not (resolved and t.group == "resolution"))
    for name, whole in joined.items():
        yield from _photoshop(whole) if name == "IPTC" else [(name, Thing(name, _digest(whole)))]


def _jpeg_parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Comments and application segments by marker; what stands behind the picture under 0."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xD9:
            break
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == 0xDA:
            following = _MARKER.search(data, end)
            end = following.start() if following else len(data)
        elif marker == 0xFE or 0xE0 <= marker <= 0xEF:
            yield marker, data[at + 4 : end]
        at = end
    yield 0, data[at + 2 :]


def _segment(marker: int, body: bytes) -> Iterator[tuple[str, Thing]]:
    """Of an application segment."""
    if marker == 0xE1 and body.startswith(b"Exif\0"):
        yield from _exif(body[6:])
    elif marker == 0xE1 and body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
        yield "XMP", Thing("XMP")
    elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
        yield "ICC profile", Thing("ICC profile")
    elif marker == 0xE2 and body.startswith(b"MPF\0"):
        yield "further pictures", Thing("further pictures")
    elif marker == 0xEB and b"c2pa" in body[:200]:
        yield "C2PA manifest", Thing("C2PA")
    elif marker == 0xE0 and body.startswith(b"JFXX\0"):
        yield "JFIF thumbnail", Thing("JFIF thumbnail")
    elif not (marker == 0xEE and body.startswith(b"Adobe")):
        yield f"APP{marker - 0xE0} '{_printable(body)}'", Thing("APP segment", _digest(body))


def _photoshop(data: bytes) -> Iterator[tuple[str, Thing]]:
    at = 0
    while data.startswith(b"8BIM", at) and at + 12 <= len(data):
        (kind,) = struct.unpack_from(">H", data, at + 4)
        place = at + 6 + (1 + data[at + 6]) + (1 + data[at + 6]) % 2
        (size,) = struct.unpack_from(">I", data, place)
        thumbnail = kind in _THUMBNAILS
        name = f"Photoshop resource {kind}"
        yield name, Thing("thumbnail" if thumbnail else "IPTC", _digest(data[place + 4 : place + 4 + size]))
        at = place + 4 + size + size % 2
    if at < len(data) and data[at:].strip(b"\0"):
        yield "Photoshop resources", Thing("IPTC", _digest(data[at:]))


def _exif(block: bytes) -> Iterator[tuple[str, Thing]]:
    for number, directory in enumerate(directories(Structure(io.BytesIO(block)))):
        if number:
            yield "EXIF thumbnail", Thing("thumbnail")
            return
        yield from _fields(directory, "EXIF")


def _fields(directory: Directory, group: str) -> Iterator[tuple[str, Thing]]:
    for field in directory.fields:
        if field.code == _XMP:
            yield "XMP", Thing("XMP")
        elif field.code == _ICC:
            yield "ICC profile", Thing("ICC profile")
        elif field.code == _PHOTOSHOP:
            yield from _photoshop(field.value)
        elif field.code == _SUB_PICTURES:
            yield "pictures inside", Thing("thumbnail")
        elif field.code not in _RESOLUTION:
            yield field.name, Thing(group, field.digest)
    sides = [directory.value(code) for code in _RESOLUTION[:2]]
    if all(side and len(side) == 8 for side in sides):
        (across, over), (down, under) = (struct.unpack("<II", side or b"") for side in sides)
        unit = int.from_bytes((directory.value(_RESOLUTION[2]) or b"\2")[:2], "little")
        scale = 2.54 if unit == 3 else 1.0
        if over and under:
            yield from _resolution(across / over * scale, down / under * scale, "" if unit == 1 else "inch")


def _tiff(file: BinaryIO) -> Iterator[tuple[str, Thing]]:
    structure = Structure(file)
    pages = list(directories(structure))
    yield from _things(inventory_bare.behind(file, structure.end, structure.lying))
    pictures = [page for page in pages if not page.subfile & _REDUCED]
    if len(pictures) < len(pages):
        yield "reduced pictures or masks", Thing("thumbnail")
    for number, page in enumerate(pictures, 1):
        for name, thing in _fields(page, "tags"):
            yield (f"{name} of page {number}" if len(pictures) > 1 else name), thing


def _png(file: BinaryIO) -> Iterator[tuple[str, Thing]]:
    file.seek(8)
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            yield from _things(inventory_bare.behind(file, file.tell() + 4))
            return
        if kind in _PNG_PICTURE or size > _LONGEST_BYTES:
            file.seek(size + 4, io.SEEK_CUR)
            continue
        body = file.read(size)
        file.seek(4, io.SEEK_CUR)
        yield from _png_chunk(kind, body)


def _png_chunk(kind: bytes, body: bytes) -> Iterator[tuple[str, Thing]]:
    if kind == b"eXIf":
        yield from _exif(body.removeprefix(b"Exif\0\0"))
    elif kind == b"iCCP":
        yield "ICC profile", Thing("ICC profile")
    elif kind == b"iTXt" and body.startswith(b"XML:com.adobe.xmp\0"):
        yield "XMP", Thing("XMP")
    elif kind == b"tEXt" and body.startswith(b"Comment\0"):
        yield "comment", Thing("comment", _digest(body[8:]))
    elif kind in (b"tEXt", b"zTXt", b"iTXt"):
        yield f"text '{_printable(body)}'", Thing("text", _digest(body))
    elif kind == b"bKGD":  # in as many numbers as there are colors
        yield "background", Thing("background")
    elif kind == b"caBX":
        yield "C2PA manifest", Thing("C2PA")
    elif kind == b"pHYs" and len(body) == 9:
        across, down, unit = struct.unpack(">IIB", body)
        scale = 0.0254 if unit else 1.0
        yield from _resolution(across * scale, down * scale, "inch" if unit else "")
    else:
        yield f"chunk '{_printable(kind)}'", Thing("chunk", _digest(body))


def _webp(file: BinaryIO) -> Iterator[tuple[str, Thing]]:
    file.seek(4)
    end = 8 + struct.unpack("<I", file.read(4))[0]
    yield from _things(inventory_bare.behind(file, end + end % 2))
    file.seek(12)
    while file.tell() < end and len(head := file.read(8)) == 8:
        kind, size = struct.unpack("<4sI", head)
        if kind in _WEBP_PICTURE or size > _LONGEST_BYTES:
            file.seek(size + size % 2, io.SEEK_CUR)
            continue
        body = file.read(size + size % 2)[:size]
        if kind == b"EXIF":
            yield from _exif(body.removeprefix(b"Exif\0\0"))
        elif kind == b"XMP ":
            yield "XMP", Thing("XMP")
        elif kind == b"ICCP":
            yield "ICC profile", Thing("ICC profile")
        elif kind == b"C2PA":
            yield "C2PA manifest", Thing("C2PA")
        else:
            yield f"chunk '{_printable(kind)}'", Thing("chunk", _digest(body))


def _boxes(file: BinaryIO, at: int = 0, end: int | None = None) -> Iterator[tuple[str, Thing]]:
    """Of a JPEG 2000 file (ISO/IEC 15444-1, annex I)."""
    end = file.seek(0, io.SEEK_END) if end is None else end
    while at + 8 <= end:
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        start = at + 8
        if size == 1:
            size, start = struct.unpack(">Q", file.read(8))[0], at + 16
        last = at + size if size else end
        if last > end or last < start:
            return
        if kind in (b"jp2h", b"res "):
            yield from _boxes(file, start, last)
        elif kind == b"jp2c":
            yield from _things(inventory_bare.of_codestream(file, start))
        elif kind not in _BOX_PICTURE and last - start <= _LONGEST_BYTES:
            file.seek(start)
            yield from _box(kind, file.read(last - start))
        at = last


def _box(kind: bytes, body: bytes) -> Iterator[tuple[str, Thing]]:
    if kind == b"uuid" and body.startswith(_XMP_UUID):
        yield "XMP", Thing("XMP")
    elif kind == b"uuid" and body.startswith(b"JpgTiffExif->JP2"):
        yield from _exif(body[16:].removeprefix(b"Exif\0\0"))
    elif kind == b"colr":
        if body[:1] != b"\1":
            yield "ICC profile", Thing("ICC profile")
    elif kind in (b"resc", b"resd") and len(body) == 10:
        down, under, across, over, up, right = struct.unpack(">HHHHbb", body)
        if under and over:
            yield from _resolution(across / over * 10.0**right * 0.0254, down / under * 10.0**up * 0.0254, "inch")
    else:
        yield f"box '{_printable(kind)}'", Thing("boxes", _digest(body))


def _heif(file: BinaryIO) -> Iterator[tuple[str, Thing]]:
    for kind, name in inventory_heif.items(file):
        yield f"{kind} '{_printable(name.encode())}'" if name else kind, Thing(kind)
    yield from _exif(inventory_heif.exif(file))


def _things(held: Iterator[Held]) -> Iterator[tuple[str, Thing]]:
    for name, group, content in held:
        told = content.decode("ascii", "replace") if group == "resolution" else _digest(content)
        yield name, Thing(group, told if content else "")


def _bare(walk: Callable[[BinaryIO], Iterator[Held]]) -> _Walk:
    return lambda file: _things(walk(file))


_WALKS: Final[tuple[tuple[Callable[[bytes], bool], _Walk], ...]] = (
    (lambda head: head.startswith(b"\xff\xd8\xff"), _jpeg),
    (lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), _png),
    (lambda head: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _tiff),
    (lambda head: head[8:12] == b"WEBP", _webp),
    (lambda head: head.startswith(b"\0\0\0\x0cjP  \r\n\x87\n"), _boxes),
    (lambda head: head[4:8] == b"ftyp", _heif),
    (lambda head: head.startswith(b"\xff\x4f\xff\x51"), _bare(inventory_bare.of_codestream)),
    (lambda head: head.startswith(b"BM"), _bare(inventory_bare.of_bmp)),
    (lambda head: head[:1] == b"P" and head[1:2] in b"123456", _bare(inventory_bare.of_pnm)),
)
