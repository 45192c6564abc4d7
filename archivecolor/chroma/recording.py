"""What a colored picture says of itself: how it was colored, in its XMP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archivecolor.inference.catalog import WEIGHTS, EngineFolder, adviser_of
from archivecolor.provenance.xmp import DamagedXmpError, Noted, Record, with_record
from archivecolor.settings import ColorSettings, StillFormat, changed
from archivecolor.stills import Still, holds_xmp
from archivecolor.stills.metadata import fits_jpeg
from archivecolor.version import __version__


def record_of(
    folder: EngineFolder, settings: ColorSettings, *, painted: bool = False, references: Sequence[str] = ()
) -> Record:
    """What results say about how they were colored; of files only the name, for privacy.

    ``references`` are the names of those that were heard.
    """
    steered = changed(replace(settings, hints=None, references=(), frames=None))
    chosen = [f"{name} {value}" for name, value in steered.items()]
    chosen += [f"reference {name}" for name in references]
    if painted:
        chosen.append("colors painted by hand in places")
    if (painted or references) and (adviser := adviser_of(folder)):
        chosen.append(f"hints heard by '{adviser.name}' (weights sha256 {adviser.digests[WEIGHTS]})")
    text = f"settings: {', '.join(chosen) or 'default'}"
    return Record(f"archivecolor {__version__}", folder.name, folder.digests.get(WEIGHTS, "unknown"), text)


def packet_with(packet: bytes | None, record: Record | Noted | None) -> tuple[bytes | None, tuple[str, ...]]:
    """A packet of XMP with the record, where there is one, and what is to be said if that cannot be added."""
    try:
        return with_record(packet, record) if record else packet, ()
    except DamagedXmpError as e:
        return packet, (f"its XMP is damaged ({e}): copied as it is, without a record of the coloring",)


def recorded(still: Still, target: StillFormat, record: Record | Noted | None) -> Still:
    """``still`` with the record in its XMP, where there is one and the target has a place for XMP."""
    if record is None or not holds_xmp(target):
        return still
    xmp, damage = packet_with(still.metadata.xmp, record)
    if damage or xmp is None:
        return replace(still, warnings=(*still.warnings, *damage))
    if target is StillFormat.JPEG and not fits_jpeg(xmp):
        said = "its XMP is too long to add a record of the coloring: --format tiff or --sidecar"
        return replace(still, warnings=(*still.warnings, said))
    return replace(still, metadata=replace(still.metadata, xmp=xmp))
