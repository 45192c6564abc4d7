"""What a film carries beside its picture, by name; of streams and attachments the digest of their bytes.

An inventory is taken of the source before and of the result after, by reading the files: nothing here knows what was
meant to be copied. `missing` names the difference.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from archivecolor.errors import InputError
from archivecolor.film.about import xmp_of
from archivecolor.film.apart import inside
from archivecolor.film.boxes import Box, in_words, unread_boxes
from archivecolor.film.crop import UNCROPPED, Crop, crop_of
from archivecolor.film.form import PictureForm, form_of
from archivecolor.film.hidden import Heard
from archivecolor.film.reading import demuxed, opened, picture_stream
from archivecolor.film.side_data import kinds
from archivecolor.film.streams import codec_name, describe, header_bytes, is_cover, is_of_chapters
from archivecolor.film.tags import tags_of
from archivecolor.film.timecode import TIMECODE
from archivecolor.frames import Orientation

_BESIDE: Final = {
    "A53_CC": "closed captions inside the picture",
    "AFD": "the active format (AFD)",
    "AMBIENT_VIEWING_ENVIRONMENT": "the ambient viewing environment",
    "BLOCK_ADDITIONS": "what Matroska adds to the blocks of the picture (alpha, HDR10+)",
    "CONTENT_LIGHT_LEVEL": "HDR10 content light levels",
    "DOVI_METADATA": "Dolby Vision metadata",
    "DOVI_RPU_BUFFER": "Dolby Vision metadata",
    "DYNAMIC_HDR_PLUS": "HDR10+ metadata",
    "DYNAMIC_HDR_VIVID": "HDR Vivid metadata",
    "GOP_TIMECODE_SET": "the time codes of MPEG's groups of pictures",
    "EXIF": "EXIF of the frames",
    "ICC_PROFILE": "the ICC profile",
    "MASTERING_DISPLAY_METADATA": "HDR10 mastering display metadata",
    "S12M_TIMECODE": "time codes of the frames (SMPTE 12M)",
    "SEI_UNREGISTERED": "user data (SEI)",
    "SPHERICAL": "the projection of a spherical film",
    "STEREO3D": "the arrangement of a stereoscopic film",
}
"""For people. What has no line here is named as FFmpeg names it."""
_OF_THE_CODING: Final = {
    *("DISPLAYMATRIX", "MOTION_VECTORS", "VIDEO_ENC_PARAMS", "VIDEO_HINT", "REGIONS_OF_INTEREST", "DETECTION_BBOXES"),
    *("PANSCAN", "GOP_TIMECODE", "ENCODER_SEI", "FILM_GRAIN_PARAMS"),
}
"""Side data that is compared elsewhere, or that tells how the old picture was coded: every MPEG-2 film has the second
line's first two."""
_LOOKED_AT: Final = 48
"""Frames of a result in which side data is looked for, where its source has any."""
_MEANT: Final = int(
    Disposition.forced | Disposition.hearing_impaired | Disposition.visual_impaired | Disposition.comment
)
_SAYS_NOTHING: Final = {"und", "VideoHandler", "SoundHandler", "SubtitleHandler", "DataHandler"}
_RECODED_FRAMING: Final = {"h264", "hevc", "vvc", "dvb_subtitle"}
"""Codecs whose packets containers frame in their own ways; of these the packets are counted."""
_ASPECT_TOLERANCE: Final = Fraction(1, 500)
_STEREO: Final = 2
_EBML, _RAWCOOKED, _EBML_HEAD = b"\x1a\x45\xdf\xa3", b"\x42\x82\x89rawcooked", 64
"""RAWcooked's reversibility data is EBML of this document type, within so many bytes."""
_PLACE: Final = re.compile(r"([+-]\d+(\.\d+)?){2,3}/?")
_FRACTION: Final = re.compile(r"\d+\.\d+")
_SHOWN: Final = 60
"""Characters of a lost tag that are told."""


@dataclass(frozen=True, slots=True)
class CarriedStream:
    """A stream beside the picture."""

    name: str
    kind: str
    digest: str
    """SHA-256 of its packets, one behind the other; of attachments and covers of the file they are."""
    size: int
    tags: tuple[tuple[str, str], ...]
    disposition: int
    codec: str | None
    channels: str = ""
    """Where the channels of sound belong, of more than two: '5.1'."""
    heard: str = ""
    """Of sound of which an edit list hides a part, the digest of the rest."""
    hidden_s: float = 0
    """How much of it is hidden."""
    reversal: bool = False
    """Whether it is an attachment that RAWcooked gives the film's original files back with."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a film carries beside its picture."""

    tags: dict[str, str] = field(default_factory=dict)
    """Of the file and of the picture's track."""
    chapters: tuple[str, ...] = ()
    streams: tuple[CarriedStream, ...] = ()
    aspect: Fraction = Fraction(1)
    orientation: Orientation = Orientation.UPRIGHT
    alpha: bool = False
    beside: frozenset[str] = frozenset()
    """Kinds of side data."""
    hidden: int = 0
    """Pictures that the file's edit list hides."""
    crop: Crop = UNCROPPED
    """What players cut off."""
    xmp: bool = False
    boxes: frozenset[Box] = frozenset()
    """Of MP4 and MOV, what libavformat does not read."""

    @property
    def reversible(self) -> bool:
        """Whether RAWcooked can give the files back that the film was made from."""
        return any(stream.reversal for stream in self.streams)


class Taker:
    """Takes an inventory while packets and frames are read."""

    def __init__(self) -> None:
        self._digests: dict[int, Any] = {}
        self._sizes: dict[int, int] = {}
        self._heard = Heard()
        self._of_heard: dict[int, Any] = defaultdict(hashlib.sha256)
        self.beside: Counter[str] = Counter()
        """Kinds of side data, and on how many frames they are."""
        self._hidden = 0

    def see_picture(self, packet: Packet[Any]) -> None:
        """A packet of the picture."""
        self._hidden += packet.is_discard
        if packet.has_sidedata("matroska_block_additional"):
            self.beside["BLOCK_ADDITIONS"] += 1

    def see_packet(self, packet: Packet[Any]) -> None:
        """A packet of a stream beside the picture."""
        index = packet.stream_index
        if index not in self._digests:
            self._digests[index] = hashlib.sha256()
        data = memoryview(packet)[header_bytes(packet) :]
        for played in self._heard.put(packet):
            self._of_heard[index].update(memoryview(played)[header_bytes(played) :])
        self._digests[index].update(b"." if codec_name(packet.stream) in _RECODED_FRAMING else data)
        self._sizes[index] = self._sizes.get(index, 0) + len(data)

    def see_frame(self, frame: VideoFrame) -> None:
        """A decoded picture."""
        self.beside.update(kinds(frame, first="GOP_TIMECODE" not in self.beside))

    def taken(self, container: InputContainer, picture: VideoStream, form: PictureForm) -> Inventory:
        """The inventory, once everything was seen; ``form`` is that of the first frame."""
        self._heard.end()
        path = Path(container.name.removeprefix("file:")) if container.name.startswith("file:") else None
        return Inventory(
            tags={**_plain(tags_of(picture)), **_plain(tags_of(container))},
            chapters=tuple(str(chapter["metadata"].get("title", "")) for chapter in container.chapters()),
            streams=tuple(
                chain.from_iterable(
                    self._streams(s) for s in container.streams if s.index != picture.index and not is_of_chapters(s)
                )
            ),
            aspect=form.sample_aspect or Fraction(1),
            orientation=form.orientation,
            alpha=form.has_alpha,
            beside=frozenset(self.beside) - _OF_THE_CODING,
            hidden=self._hidden,
            xmp=xmp_of(container) is not None,
            crop=crop_of(path) if path else UNCROPPED,
            boxes=unread_boxes(path, container.metadata.values()) if path else frozenset(),
        )

    def _streams(self, stream: Stream) -> Iterator[CarriedStream]:
        """A stream, and where it is an attached film its streams."""
        yield self._stream(stream)
        if isinstance(stream, AttachmentStream):
            for container in inside(stream.name or "", stream.data):
                taker = Taker()
                for packet in demuxed(container, container.streams):
                    taker.see_packet(packet)
                yield from map(taker._stream, container.streams)

    def _stream(self, stream: Stream) -> CarriedStream:
        tags = _plain(tags_of(stream))
        reversal = False
        meant = int(stream.disposition) & _MEANT
        if isinstance(stream, AttachmentStream):
            data = stream.data
            digest, size = hashlib.sha256(data).hexdigest(), len(data)
            reversal = data.startswith(_EBML) and _RAWCOOKED in data[:_EBML_HEAD]
        else:
            digest = self._digests[stream.index].hexdigest() if stream.index in self._digests else ""
            size = self._sizes.get(stream.index, 0)
        kind = "attachment" if is_cover(stream) else stream.type
        name = f"the attachment '{tags.get('filename', 'cover')}'" if kind == "attachment" else describe(stream)
        if kind == "attachment":
            tags = {}
        hidden_s = float(self._heard.hidden_s.get(stream.index, 0))
        return CarriedStream(
            *(name, kind, digest, size, tuple(sorted(tags.items())), meant, codec_name(stream), _channels(stream)),
            heard=self._of_heard[stream.index].hexdigest() if hidden_s else "",
            hidden_s=hidden_s,
            reversal=reversal,
        )


def inventory(path: Path, *, beside: bool = True) -> Inventory:
    """Take the inventory of a film, without ``beside`` of what lies beside its first picture alone.

    Raises `InputError` where it cannot be read.
    """
    taker = Taker()
    form: PictureForm | None = None
    looks = 0
    with opened(path) as container:
        picture = picture_stream(container, path)
        for packet in chain(demuxed(container, container.streams), (None,)):
            if packet is not None and packet.stream_index != picture.index:
                taker.see_packet(packet)
                continue
            if packet is not None:
                taker.see_picture(packet)
            for frame in _pictures(picture, packet) if looks < (_LOOKED_AT if beside else 1) else ():
                form = form or form_of(picture, frame)
                taker.see_frame(frame)
                looks += 1
        if form is None:
            raise InputError(f"{path}: not one frame of it can be decoded", hint="run the same command again")
        return taker.taken(container, picture, form)


def _pictures(picture: VideoStream, packet: Packet[Any] | None) -> list[VideoFrame]:
    """The frames that are ready after a packet; none where it is damaged."""
    try:
        return picture.codec_context.decode(packet)
    except av.error.FFmpegError:
        return []


def missing(before: Inventory, after: Inventory, *, whole: bool) -> tuple[str, ...]:
    """What of ``before`` is not in ``after``, each thing in words; of a part of a film contents are not compared."""
    kept = before.tags if whole else {key: text for key, text in before.tags.items() if key.lower() != TIMECODE}
    lost = _missing_tags("", kept.items(), after.tags.values()) + ["XMP"] * (before.xmp and not after.xmp)
    if whole and before.chapters != after.chapters:
        lost.append(
            f"{len(before.chapters)} chapters" if len(after.chapters) < len(before.chapters) else "chapter titles"
        )
    codes = {value for key, value in after.tags.items() if key.lower() == TIMECODE}
    if codes and not whole:  # a part's own
        codes |= {dict(s.tags).get(TIMECODE, "") for s in before.streams} - {""}
    tracks = [s for s in before.streams if dict(s.tags).get(TIMECODE) not in codes]  # kept as a tag
    lost += _missing_streams(tracks, after.streams, whole=whole)
    if abs(before.aspect / after.aspect - 1) > _ASPECT_TOLERANCE:
        lost.append(f"the shape of pixels ({before.aspect.numerator}:{before.aspect.denominator})")
    if before.orientation is not after.orientation:
        lost.append("the turn of the picture")
    if before.hidden > after.hidden:
        lost.append(f"{before.hidden - after.hidden} pictures that the file's edit list hides")
    if any(before.crop) and before.crop != after.crop:
        lost.append("the crop of the picture ({} rows above, {} below, {} columns left, {} right)".format(*before.crop))
    if before.boxes - after.boxes:
        lost.append(in_words(before.boxes - after.boxes))
    if before.alpha and not after.alpha:
        lost.append("the alpha channel")
    return (*lost, *sorted(_BESIDE.get(kind, f"side data of kind {kind}") for kind in before.beside - after.beside))


def _shortened(was: CarriedStream, now: CarriedStream) -> str:
    if was.heard == now.digest:
        return f"{was.hidden_s:.2f} s of {was.name} that the file's edit list hides"
    return f"{was.size - now.size:,} of {was.size:,} bytes of {was.name}"


def _paired(
    before: Iterable[CarriedStream], after: Iterable[CarriedStream], *, whole: bool
) -> Iterator[tuple[CarriedStream, CarriedStream | None]]:
    """Each stream with what became of it: one of its kind, of the same content if there is one."""
    left = list(after)
    for stream in before:
        same = [s for s in left if s.kind == stream.kind]
        exact = [s for s in same if s.digest in (stream.digest, stream.heard)]
        found = next(iter(exact or ([] if whole and stream.kind == "attachment" else same)), None)
        if found:
            left.remove(found)
        yield stream, found


def _missing_streams(before: Iterable[CarriedStream], after: Iterable[CarriedStream], *, whole: bool) -> list[str]:
    lost = []
    for stream, found in _paired(before, after, whole=whole):
        if found is None:
            lost.append(stream.name)
            continue
        if whole and found.digest != stream.digest:
            lost.append(_shortened(stream, found))
        if stream.kind == "data" and found.codec != stream.codec:
            lost.append(f"that {stream.name} is {stream.codec}")
        if stream.channels not in ("", found.channels):
            lost.append(f"where the channels of {stream.name} belong ({stream.channels})")
        lost += _missing_tags(f" of {stream.name}", stream.tags, [value for _, value in found.tags])
        if stream.disposition & ~found.disposition:
            lost.append(f"what {stream.name} is for ({Disposition(stream.disposition & ~found.disposition).name})")
    return lost


def _missing_tags(whose: str, before: Iterable[tuple[str, str]], after: Iterable[str]) -> list[str]:
    """By what they say: containers have names of their own for the same tag."""
    found = set(map(_without_zeros, after))
    lost = ((key, value) for key, value in before if _without_zeros(value) not in found)
    return [f"the tag '{key}'{whose} ('{value[:_SHOWN]}')" for key, value in lost]


def _without_zeros(value: str) -> str:
    """A place (ISO 6709) without the zeros at the end of its numbers, of which muxers write as many as they like."""
    return _FRACTION.sub(lambda n: n[0].rstrip("0").rstrip("."), value) if _PLACE.fullmatch(value) else value


def _channels(stream: Stream) -> str:
    layout = stream.layout if isinstance(stream, AudioStream) and codec_name(stream) else None
    known = layout is not None and layout.nb_channels > _STEREO and "channels" not in layout.name
    return layout.name if layout and known else ""


def _plain(tags: dict[str, str]) -> dict[str, str]:
    """Tags without those that say nothing."""
    kept = {key: value for key, value in tags.items() if value and value not in _SAYS_NOTHING}
    return {key: value for key, value in kept.items() if key.lower() not in ("mimetype", "handler_name")}
