"""What a colored picture says about itself: a record in XMP, and the same in PREMIS beside the file.

IPTC's Digital Source Type is `compositeWithTrainedAlgorithmicMedia`, 'edited using generative AI': the luma was
captured, the colors were made by a trained model. `algorithmicallyEnhanced` is for corrections that do not change what
is shown, and `trainedAlgorithmicMedia` for pictures that are generated whole. See
https://cv.iptc.org/newscodes/digitalsourcetype.

A packet is changed in as few places as possible, in its text: an entry goes to the end of its history
(`xmpMM:History`), an older source type ('negativeFilm') goes into that entry, from where `without_record` takes it
back, and everything else stays to the byte. The record has no time, so that the same picture, settings and generator
give the same file; the journal has it, and so has PREMIS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr, unescape

SOURCE_TYPE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_MM: Final = "http://ns.adobe.com/xap/1.0/mm/"
_EVENT: Final = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_XMP: Final = "http://ns.adobe.com/xap/1.0/"
_IPTC: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_SEPARATOR: Final = "|"
_AGENT_MARK: Final = b"archivecolor "

_LONGEST_BYTES: Final = 8 << 20
"""Of a packet that is changed: parsing more takes seconds."""
_DEEPEST: Final = 100
_TAG: Final = re.compile(rb"<[^\s/>]+")
_TEXT: Final = re.compile(rb">([^<]*)<")
_EVENT_TEXTS: Final = re.compile(r"softwareAgent>([^<]*)<.*?:parameters>([^<]*)<", re.DOTALL)
_BEFORE: Final = "; Digital Source Type before: "
"""In the parameters of an entry, in front of the source type that the record took the place of."""
_EARLIER: Final = re.compile(rf"{_BEFORE}([^<]*)<")
_LONGEST_TYPE: Final = 1000
"""Characters of a source type that are kept: it is an address of some fifty."""
_ATTRIBUTE: Final = re.compile(rb"""\s*([^\s=/>]+)\s*=\s*("[^"]*"|'[^']*')""")
"""Of a tag that has been found sound, at the end of its name or of the attribute before: each byte is met once."""

_EMPTY: Final = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="%s">\n'
    b'</rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>' % _RDF.encode()
)


class DamagedXmpError(ValueError):
    """A packet that is no XML, or not XMP: it cannot be added to."""


@dataclass(frozen=True, slots=True)
class Record:
    """How a picture was colored."""

    software: str
    """Name and version."""
    generator: str
    weights_sha256: str
    settings: str
    """For people: what was chosen."""

    @property
    def parameters(self) -> str:
        """One sentence, spelled as in the first results: others would be other files."""
        return (
            f"Colors predicted by generator '{self.generator}' (weights sha256 {self.weights_sha256}), "
            f"{self.settings}; luma from the source"
        )


@dataclass(frozen=True, slots=True)
class Noted:
    """A record as a packet has it."""

    software: str
    parameters: str


def noted_in(packet: bytes) -> Noted | None:
    """The last record of a packet; None where there is none of ours. Raises `DamagedXmpError`."""
    events = _Places.of(packet).own_events
    begin, end = events[-1] if events else (0, 0)
    found = _EVENT_TEXTS.search(packet[begin:end].decode("utf-8", "replace"))
    return Noted(*map(unescape, found.groups())) if found else None


def with_record(packet: bytes | None, record: Record | Noted) -> bytes:
    """``packet``, or a new one, that says how the picture was colored. Raises `DamagedXmpError`."""
    packet = packet or _EMPTY
    found = _Places.of(packet)
    earlier = f"{_BEFORE}{found.source_type}" if found.source_type not in ("", SOURCE_TYPE) else ""
    # ImageMagick 6 calls a packet corrupt in which an event has more than one attribute
    names = f'xmlns:rdf="{_RDF}" xmlns:stEvt="{_EVENT}" ' if found.has_history else ""
    event = (
        f'<rdf:li {names}rdf:parseType="Resource">'
        f"<stEvt:action>edited</stEvt:action><stEvt:changed>/content</stEvt:changed>"
        f"<stEvt:softwareAgent>{escape(record.software)}</stEvt:softwareAgent>"
        f"<stEvt:parameters>{escape(record.parameters + earlier)}</stEvt:parameters></rdf:li>"
    )
    no_history = not found.has_history
    history = f"<xmpMM:History><rdf:Seq>{event}</rdf:Seq></xmpMM:History>" if no_history else ""
    tool = "" if found.has_tool else f"<xmp:CreatorTool>{escape(record.software)}</xmp:CreatorTool>"
    description = _description(found.about, f"{_source_type(SOURCE_TYPE)}{tool}{history}")
    changes = [(start, end, b"") for start, end in found.source_types]
    changes.append((found.rdf_end, found.rdf_end, description.encode()))
    if found.history_end is not None:
        changes.append((found.history_end, found.history_end, event.encode()))
    return _changed(packet, changes)


def _description(about: str, inside: str) -> str:
    return (
        f'<rdf:Description xmlns:rdf="{_RDF}" xmlns:xmp="{_XMP}" xmlns:xmpMM="{_MM}" xmlns:stEvt="{_EVENT}" '
        f'xmlns:Iptc4xmpExt="{_IPTC}" '
        f"rdf:about={quoteattr(about)}>{inside}</rdf:Description>\n"
    )


def _source_type(kind: str) -> str:
    return f"<Iptc4xmpExt:DigitalSourceType>{escape(kind)}</Iptc4xmpExt:DigitalSourceType>"


def without_record(packet: bytes) -> bytes:
    """``packet`` without what `with_record` added, and with the source type that it had: the picture is gray again.

    Raises `DamagedXmpError`.
    """
    found = _Places.of(packet)
    if not found.own_events and found.source_type != SOURCE_TYPE:
        return packet
    changes = [(start, end, b"") for start, end in (*found.source_types, *found.own_events)]
    noted = (_EARLIER.search(packet[begin:end].decode("utf-8", "replace")) for begin, end in found.own_events)
    if earlier := next((unescape(n[1]) for n in noted if n), None):
        changes.append((found.rdf_end, found.rdf_end, _description(found.about, _source_type(earlier)).encode()))
    return _changed(packet, changes)


def _changed(packet: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    parts, done = [], 0
    for start, end, new in sorted(changes):
        if start >= done:  # else it lies in what is gone already
            parts += [packet[done:start], new]
            done = end
    return b"".join((*parts, packet[done:]))


@dataclass(slots=True)
class _Places:
    """Where in a packet the parts that matter are, in bytes."""

    rdf_end: int = -1
    history_end: int | None = None
    about: str = ""
    has_tool: bool = False
    has_history: bool = False
    source_types: list[tuple[int, int]] = field(default_factory=list)
    """Elements and attributes to be cut out."""
    source_type: str = ""
    """The last of those that say something."""
    own_events: list[tuple[int, int]] = field(default_factory=list)
    _open: list[tuple[str, int]] = field(default_factory=list)

    @classmethod
    def of(cls, packet: bytes) -> _Places:
        """Parse; raises `DamagedXmpError` for what is no XML in UTF-8 with an rdf:RDF."""
        if len(packet) > _LONGEST_BYTES:
            raise DamagedXmpError(f"it has {len(packet) >> 20} MB")
        places = cls()
        parser = expat.ParserCreate("UTF-8", _SEPARATOR)

        def start(name: str, attributes: dict[str, str]) -> None:
            places._begin(packet, parser.CurrentByteIndex, name, attributes)

        def end(name: str) -> None:
            places._finish(packet, parser.CurrentByteIndex, name)

        def refuse(*_: object) -> None:
            raise DamagedXmpError("it has a document type")

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.StartDoctypeDeclHandler = refuse
        try:
            parser.Parse(packet.rstrip(b"\0"), True)  # noqa: FBT003 - this is all of it
        except expat.ExpatError as e:
            raise DamagedXmpError(str(e)) from e
        if places.rdf_end < 0:
            raise DamagedXmpError("it has no rdf:RDF")
        return places

    def _begin(self, packet: bytes, at: int, name: str, attributes: dict[str, str]) -> None:
        self._open.append((name, at))
        if len(self._open) > _DEEPEST:
            raise DamagedXmpError("it is nested too deep")
        self.about = self.about or attributes.get(f"{_RDF}|about", "")
        self.has_history |= name == f"{_MM}|History"
        self.has_tool |= name == f"{_XMP}|CreatorTool" or f"{_XMP}|CreatorTool" in attributes
        kind = attributes.get(f"{_IPTC}|DigitalSourceType")
        if kind is not None:
            self.source_types += _spans(packet, at, b"DigitalSourceType")
        elif name == f"{_IPTC}|DigitalSourceType":
            kind = attributes.get(f"{_RDF}|resource")
        self._note_source_type(kind or "")

    def _finish(self, packet: bytes, at: int, name: str) -> None:
        _, began = self._open.pop()
        is_empty = not packet.startswith(b"</", at)  # then ``at`` is behind it
        after = at if is_empty else packet.index(b">", at) + 1
        inside = self._open[-1][0] if self._open else ""
        if name == f"{_RDF}|RDF" and not is_empty:
            self.rdf_end = at
        elif name == f"{_RDF}|Seq" and inside == f"{_MM}|History" and not is_empty:
            self.history_end = at
        elif name == f"{_IPTC}|DigitalSourceType":
            self.source_types.append((began, after))
            text = _TEXT.search(packet, began, min(after, began + _LONGEST_TYPE))
            self._note_source_type(unescape(text[1].decode("utf-8", "replace")) if text else "")
        elif name == f"{_RDF}|li" and self._in_history and packet.find(_AGENT_MARK, began, after) >= 0:
            self.own_events.append((began, after))

    def _note_source_type(self, kind: str) -> None:
        self.source_type = kind.strip()[:_LONGEST_TYPE] or self.source_type

    @property
    def _in_history(self) -> bool:
        """Whether an event would stand here, so that no event is looked through twice."""
        return [name for name, _ in self._open[-2:]] == [f"{_MM}|History", f"{_RDF}|Seq"]


def _spans(packet: bytes, at: int, name: bytes) -> list[tuple[int, int]]:
    """Where the attributes of that name stand in the tag at ``at``, whatever their prefixes, with the space before."""
    spans = []
    tag = _TAG.match(packet, at)
    place = tag.end() if tag else at
    while found := _ATTRIBUTE.match(packet, place):
        place = found.end()
        if found[1].rpartition(b":")[2] == name:
            spans.append(found.span())
    return spans
