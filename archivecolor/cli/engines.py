"""``archivecolor engines``: the trained generators that are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archivecolor.cli import console, options

if TYPE_CHECKING:
    from archivecolor.inference.catalog import EngineFolder


def engines(json: options.Json = False) -> None:
    """List the trained generators that are installed.

    Examples:
    archivecolor engines
    """
    from archivecolor.inference import catalog

    found: list[EngineFolder] = catalog.available()
    if json:
        for e in found:
            console.emit({"name": e.name, "summary": e.summary, "short_px": e.short_px, "path": str(e.path)})
        return
    rows = [(e.name, e.summary, str(e.short_px), str(e.path)) for e in found]
    console.write_out(console.table(rows, ("name", "for", "px", "folder")))
