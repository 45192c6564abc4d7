"""Taking the colour off again: what is left is the luma, and that is the grey original.

From a JPEG the compressed bits of the luma are copied. Everywhere else the luma is written without loss. The record of the colouring goes from the XMP;
what else the file carries stays, the profile as the grey one of the same tone curve.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from archivecolor.color import UIntArray
from archivecolor.errors import OutputError
from archivecolor.jobs.atomic import atomic_write
from archivecolor.provenance.xmp import DamagedXmpError, without_record
from archivecolor.settings import OutputSettings
from archivecolor.stills import Still, for_target, open_still, profiles, write_pages, write_still


def strip_file(
    source: Path, target: Path, *, overwrite: bool = False, max_megapixels: int | None = None
) -> tuple[str, ...]:
    """Write the grey picture inside a coloured one; returns warnings. Raises `InputError` or `OutputError`."""
    if target.exists() and target.samefile(source):
        raise OutputError(f"{target}: is the source itself", hint="give the result another name")
    output = OutputSettings()
    first = _grey(for_target(open_still(source, max_megapixels=max_megapixels), output))

    def pages() -> Iterator[tuple[UIntArray, Still]]:
        yield first.luma, first
        for page in range(1, first.info.pages):
            still = _grey(open_still(source, page, max_megapixels=max_megapixels))
            yield still.luma, still

    with atomic_write(target, overwrite=overwrite) as file:
        if first.info.pages > 1:
            return write_pages(file, pages(), output)
        return first.warnings + write_still(file, first.luma, first, output)


def _grey(still: Still) -> Still:
    """``still`` with the metadata of a grey picture."""
    icc, said = profiles.for_grey(still.metadata.icc)
    xmp = still.metadata.xmp
    if xmp:
        with suppress(DamagedXmpError):  # then there is no record in it either
            xmp = without_record(xmp)
    return replace(still, metadata=replace(still.metadata, icc=icc, xmp=xmp), warnings=(*still.warnings, *said))
