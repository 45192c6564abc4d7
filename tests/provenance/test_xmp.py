"""`provenance`: records that other tools read, in packets that keep everything else to the byte."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from archivecolor.chroma.still import Colorizer
from archivecolor.provenance.xmp import SOURCE_TYPE, DamagedXmpError, Record, with_record, without_record
from archivecolor.settings import ColorSettings, OutputSettings, StillFormat
from archivecolor.stills import open_still
from tests.fakes.engines import FakeEngine, by_luma
from tests.needs import EXIFTOOL, needs_exiftool
from tests.stills.full import exif
from tests.stills.sources import GRAY8, GRAY16, SEPIA8, png, png_chunk

RECORD = Record("archivecolor 9.9", "archive & co", "ab" * 32, "settings: strength 0.5")
HEAD = b"""<?xpacket begin='\xef\xbb\xbf' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">"""
TAIL = b"</r:RDF></x:xmpmeta>" + b" " * 200 + b"<?xpacket end='w'?>"
NAMES = (
    b'xmlns:mm="http://ns.adobe.com/xap/1.0/mm/" xmlns:ev="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" '
    b'xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/"'
)
TITLE = b"><dc:title>\xc3\x9cber 1904</dc:title></r:Description>"
PACKETS = {
    "nothing in it": HEAD + TAIL,
    "a title": HEAD
    + b'<r:Description r:about="" '
    + NAMES
    + b"><dc:title>\xc3\x9cber 1904</dc:title></r:Description>"
    + TAIL,
    "a history": HEAD
    + b'<r:Description r:about="uuid:7" '
    + NAMES
    + b'><mm:History><r:Seq><r:li ev:action="created" ev:softwareAgent="ScanPro"/></r:Seq></mm:History></r:Description>'
    + TAIL,
    "a source type": HEAD
    + b'<r:Description r:about="" '
    + NAMES
    + b"><i:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/print</i:DigitalSourceType></r:Description>"
    + TAIL,
    "attributes": HEAD
    + b"<r:Description r:about='' "
    + NAMES
    + b" i:DigitalSourceType = 'http://cv.iptc.org/newscodes/digitalsourcetype/print' xmp:CreatorTool='Pen &amp; Ink'/>"
    + TAIL,
}
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
XMP_NS, MM, EVENT = "{http://ns.adobe.com/xap/1.0/}", "{http://ns.adobe.com/xap/1.0/mm/}", "sType/ResourceEvent#}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"


def events(packet: bytes) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(packet.rstrip(b"\0")).iter(f"{RDF}li"))


@pytest.mark.parametrize("packet", [None, *PACKETS.values()], ids=["none", *PACKETS])
def test_a_record_is_added_once_and_the_rest_stays_to_the_byte(packet: bytes | None) -> None:
    written = with_record(packet, RECORD)
    tree = ElementTree.fromstring(written)
    assert [e.text for e in tree.iter(f"{IPTC}DigitalSourceType")] == [SOURCE_TYPE]
    assert not any(f"{IPTC}DigitalSourceType" in e.attrib for e in tree.iter())
    assert len(list(tree.iter(f"{MM}History"))) == 1
    last = events(written)[-1]
    if b"History" not in (packet or b""):
        assert b'<rdf:li rdf:parseType="Resource"><stEvt:action>' in written, (
            "ImageMagick 6 calls more attributes corrupt"
        )
    said = {child.tag.rpartition("}")[2]: child.text for child in last}
    assert said["softwareAgent"] == "archivecolor 9.9"
    assert "generator 'archive & co'" in str(said["parameters"])
    assert "ab" * 32 in str(said["parameters"])
    tools = [e.text for e in tree.iter(f"{XMP_NS}CreatorTool")]
    assert tools == ([] if packet and b"CreatorTool" in packet else ["archivecolor 9.9"])
    for part in (b"\xc3\x9cber 1904", b"ScanPro", b"Pen &amp; Ink", b" " * 200):
        assert (part in written) == (part in (packet or b""))


@pytest.mark.parametrize("packet", [None, *PACKETS.values()], ids=["none", *PACKETS])
def test_a_second_record_joins_the_first_and_both_can_be_taken_off(packet: bytes | None) -> None:
    twice = with_record(with_record(packet, RECORD), RECORD)
    assert twice.count(b"<stEvt:softwareAgent>archivecolor 9.9") == 2
    assert twice.count(SOURCE_TYPE.encode()) == 1
    gray = without_record(twice)
    kinds = re.findall(r"DigitalSourceType(?: = '|>)(http[^'<]*)", gray.decode())
    had_one = b"digitalsourcetype/print" in (packet or b"")
    assert kinds == ["http://cv.iptc.org/newscodes/digitalsourcetype/print"] * had_one
    assert b"softwareAgent>archivecolor" not in gray
    ElementTree.fromstring(gray)


@pytest.mark.parametrize("name", ["a source type", "attributes"])
def test_the_source_type_that_was_there_stays_in_the_record(name: str) -> None:
    said = str(events(with_record(PACKETS[name], RECORD))[-1][-1].text)
    assert said.endswith("; Digital Source Type before: http://cv.iptc.org/newscodes/digitalsourcetype/print")


def test_a_packet_without_our_record_is_left_alone() -> None:
    assert without_record(PACKETS["a source type"]) == PACKETS["a source type"]


@pytest.mark.parametrize(
    "packet",
    [
        b"no XML at all",
        b"<a><b></a>",
        b"<a/>",
        b"\xff\xfe<\0a\0/\0>\0",
        HEAD,
        b'<!DOCTYPE a [<!ENTITY b "c">]>' + HEAD + TAIL,
    ],
    ids=["text", "unbalanced", "no RDF", "UTF-16", "cut short", "entities"],
)
def test_what_is_no_xmp_is_refused(packet: bytes) -> None:
    with pytest.raises(DamagedXmpError):
        with_record(packet, RECORD)


LONG = 400_000
COSTLY = {
    "space in a tag": HEAD + b"<r:D " + NAMES + b" " * LONG + b'i:a="1" i:DigitalSourceType="z"/>' + TAIL,
    "source types": HEAD + b"<r:D " + NAMES + b">" + b"<i:DigitalSourceType/>" * (LONG // 20) + b"</r:D>" + TAIL,
    "tags of source types": HEAD
    + b"<r:D "
    + NAMES
    + b">"
    + b'<b i:DigitalSourceType="z" />' * (LONG // 20)
    + b"</r:D>"
    + TAIL,
    "attributes": HEAD
    + b"<r:D "
    + NAMES
    + b"".join(b' a%d="1"' % i for i in range(LONG // 10))
    + b' i:DigitalSourceType="z"/>'
    + TAIL,
    "lists in lists": HEAD + b"<r:li>" * (LONG // 6) + b"</r:li>" * (LONG // 6) + TAIL,
    "a long list": HEAD
    + b"<r:D "
    + NAMES
    + b"><mm:History><r:Seq>"
    + b"<r:li/>" * (LONG // 6)
    + b"</r:Seq></mm:History></r:D>"
    + TAIL,
    "megabytes": HEAD + b" " * (9 << 20) + TAIL,
}


@pytest.mark.parametrize("packet", COSTLY.values(), ids=COSTLY.keys())
def test_a_packet_takes_time_in_proportion_to_its_length(packet: bytes) -> None:
    began = time.process_time()
    ways: list[Callable[[], bytes]] = [
        partial(with_record, packet, RECORD),
        lambda: without_record(with_record(packet, RECORD)),
    ]
    for do in ways:
        with suppress(DamagedXmpError):
            assert not re.search(rb"DigitalSourceType\s*(=|/)", do())
    assert time.process_time() - began < 2


@given(st.sampled_from(sorted(PACKETS)), st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), max_size=4))
def test_a_damaged_packet_is_refused_or_added_to_and_nothing_else(name: str, damage: list[tuple[int, int]]) -> None:
    packet = bytearray(PACKETS[name])
    for place, value in damage:
        packet[place % len(packet)] = value
    try:
        written = with_record(bytes(packet), RECORD)
    except DamagedXmpError:
        return
    assert RECORD.software in [element.text for element in ElementTree.fromstring(written).iter()]


def color(source: Path, target: Path, **output: object) -> tuple[str, ...]:
    with Colorizer(FakeEngine(by_luma), ColorSettings(strength=0.5)) as colorizer:
        return colorizer.color_file(source, target, OutputSettings(**output))  # type: ignore[arg-type]


TARGETS = {
    StillFormat.JPEG: ".jpg",
    StillFormat.PNG: ".png",
    StillFormat.TIFF: ".tif",
    StillFormat.WEBP: ".webp",
    StillFormat.JPEG2000: ".jp2",
    StillFormat.HEIF: ".heic",
}


@needs_exiftool
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("format", TARGETS)
def test_exiftool_reads_record_date_place_and_artist_from_every_format(
    format: StillFormat, bits: int, tmp_path: Path
) -> None:
    if format is StillFormat.HEIF:
        pytest.importorskip("pillow_heif")
    source, target = tmp_path / "source.png", tmp_path / f"target{TARGETS[format]}"
    chunks = (
        png_chunk(b"eXIf", exif().removeprefix(b"Exif\0\0")),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + PACKETS["a title"]),
    )
    source.write_bytes(png(0, bits, GRAY16 if bits == 16 else GRAY8, *chunks))
    color(source, target, format=format)
    tags = (
        "-XMP-iptcExt:DigitalSourceType#",
        "-XMP-xmpMM:HistorySoftwareAgent",
        "-XMP-xmpMM:HistoryParameters",
        "-XMP-xmp:CreatorTool",
        "-XMP-dc:Title",
        "-ExifIFD:DateTimeOriginal",
        "-GPS:GPSLatitudeRef",
        "-IFD0:Artist",
    )
    command = [str(EXIFTOOL), "-s3", "-charset", "exif=latin1", *tags, str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    kind, agent, how, tool, title, date, place, artist = done.stdout.splitlines()
    assert kind == SOURCE_TYPE
    assert agent == tool == "archivecolor 0.1.0"
    assert "generator 'fake'" in how
    assert "strength 0.5; luma from the source" in how
    assert (title, date, place, artist) == ("Über 1904", "1904:07:01 12:00:00", "North", "Jérôme")


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    source = tmp_path / "source.jpg"
    Image.fromarray(SEPIA8).save(source)
    color(source, tmp_path / "a.jpg")
    color(source, tmp_path / "b.jpg")
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "b.jpg").read_bytes()


def test_damaged_xmp_is_kept_and_told(tmp_path: Path) -> None:
    source, target = tmp_path / "source.webp", tmp_path / "target.webp"
    Image.fromarray(SEPIA8).save(source, xmp=b"no XML", lossless=True)
    (warning,) = color(source, target)
    assert "its XMP is damaged" in warning
    assert "without a record" in warning
    with Image.open(target) as image:
        assert image.info["xmp"] == b"no XML"


def test_without_the_record_the_metadata_are_the_source_s(tmp_path: Path) -> None:
    source, target = tmp_path / "source.webp", tmp_path / "target.webp"
    Image.fromarray(SEPIA8).save(source, xmp=PACKETS["a title"], lossless=True)
    assert color(source, target, embed_record=False) == ()
    assert open_still(target).metadata.xmp == PACKETS["a title"]
    np.testing.assert_array_equal(open_still(target).luma, open_still(source).luma)
