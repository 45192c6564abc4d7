"""What a file carries, read by the inventory and by exiftool, for the tests of inventories."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from archivecolor.stills.inventory import Thing, inventory
from tests.stills.sources import GRAY8

FILM = bytes(range(256)) * 40
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MicroVideo="1" '
    b'GCamera:MicroVideoOffset="%d" GCamera:MotionPhoto="1"/></rdf:RDF></x:xmpmeta>'
)


def exiftool(path: Path, *options: str) -> dict[str, Any]:
    """Tags by group and name."""
    if not shutil.which("exiftool"):
        pytest.skip("needs exiftool")
    read = subprocess.run(
        ["exiftool", "-j", "-G1", "-n", "-a", *options, str(path)], capture_output=True, check=True, timeout=60
    )
    found: dict[str, Any] = json.loads(read.stdout)[0]
    return found


def carried(path: Path) -> dict[str, Thing]:
    with path.open("rb") as file:
        return inventory(file)


def motion_photo(path: Path) -> Path:
    out = io.BytesIO()
    Image.fromarray(GRAY8).save(out, "JPEG", xmp=XMP % len(FILM))
    path.write_bytes(out.getvalue() + FILM)
    return path


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
