"""What people wrote about a film, and how a container is made to hold it."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Final

import av
from av.container import Container, InputContainer
from av.stream import Stream

from archivecolor.film.timecode import TIMECODE, Timecode

_OF_THE_FILE: Final = {
    *("major_brand", "minor_version", "compatible_brands", "encoder"),
    *("duration", "bps", "number_of_frames", "number_of_bytes", "vendor_id"),
    *("alpha_mode", "metadatacreator", "audiodatarate", "videodatarate", "audiocodecid", "videocodecid"),
}
"""Tags that muxers write about what they wrote; they would be wrong of another file."""
XMP: Final = "XMP"
"""The tag of a file that holds its XMP: see `about`."""
_ISO: Final = ("mp4", "mov")


def tags_of(thing: InputContainer | Stream) -> dict[str, str]:
    """The tags of a file or a stream but for a file's XMP and those that only say how the file was written."""
    own = isinstance(thing, InputContainer)
    return {
        k: value for k, value in thing.metadata.items() if not _is_of_the_file(k) and not (own and k.upper() == XMP)
    }


def _is_of_the_file(key: str) -> bool:
    plain = key.lower().split("-")[0]  # Matroska's statistics have a language: 'BPS-eng'
    return plain in _OF_THE_FILE or plain.startswith("_statistics")


def time_code_of(container: Container) -> dict[str, str]:
    """The time code that a film's track of time codes begins with, as a tag; nothing where there is none."""
    codes = [s.metadata["timecode"] for s in container.streams if "timecode" in s.metadata]
    return {"timecode": codes[0]} if codes else {}


def retimed(tags: Mapping[str, str], code: Timecode | None) -> dict[str, str]:
    """Tags of a part of a film, which begins with the time code ``code``; None leaves them as they are."""
    return {key: str(code) if code and key.lower() == TIMECODE else value for key, value in tags.items()}


def muxer_options(muxer: str, tags: Mapping[str, str], *, fast_start: bool) -> dict[str, str]:
    """How a muxer is to write a film of these tags; ``fast_start`` puts the index of an MP4 or MOV first."""
    if muxer not in _ISO:
        return {}
    flags = ["faststart"] if fast_start else []
    # QuickTime's keys hold any tag, but old players look for the usual ones elsewhere: only where a tag would be lost
    if len(held(muxer, tags, {})) < len(tags):
        flags.append("use_metadata_tags")
    return {"movflags": "+".join(flags)} if flags else {}


def held(muxer: str, tags: Mapping[str, str], options: Mapping[str, str]) -> set[str]:
    """Which of the tags a container holds; found by writing an empty one in memory and reading it."""
    file = BytesIO()
    with av.open(file, "w", format=muxer, container_options=dict(options)) as container:
        container.add_stream("mpeg4", rate=25)
        container.metadata.update(tags)
        container.start_encoding()
    file.seek(0)
    with av.open(file, metadata_errors="surrogateescape") as container:
        found = set(container.metadata.values())
    return {key for key, value in tags.items() if value in found}
