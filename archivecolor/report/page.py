"""The page itself: one HTML file with its style, its script and its data inside, and pictures beside it.

Nothing that a file is named or an error says can become markup or script: names travel as JSON without ``<`` and reach
the document as text, and the page's own policy lets run no script but the one whose digest it states.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Final
from urllib.parse import quote_from_bytes

from archivecolor.errors import OutputError
from archivecolor.jobs.atomic import atomic_write
from archivecolor.jobs.marks import Mark
from archivecolor.report.coding import PICTURE_PX, SMALL_THUMB_PX
from archivecolor.report.items import State
from archivecolor.report.past import RunFacts
from archivecolor.report.previews import Preview
from archivecolor.report.tiles import TILE_PX

NAME: Final = "index.html"
_SCRIPTS: Final = (
    "names.js",
    "items.js",
    "backend.js",
    "marks.js",
    "exchange.js",
    "zip.js",
    "filters.js",
    "sections.js",
    "grid.js",
    "selection.js",
    "color.js",
    "planes.js",
    "spread.js",
    "strokes.js",
    "preview.js",
    "paint.js",
    "zoom.js",
    "full.js",
    "gestures.js",
    "film.js",
    "viewer.js",
    "facts.js",
    "next.js",
    "keys.js",
    "main.js",
)
_MARK: Final = b'<meta name="generator" content="archivecolor report">'
FIELDS: Final = (
    "id",  # 16 hexadecimal digits; names the pictures, changes with the result
    "source",  # relative to SRC
    "result",  # relative to OUT, or null
    "kind",  # still or film
    "status",  # a `State`
    "confidence",  # 0..1, or null
    "luma",  # what became of it: a `Luma`
    "warnings",  # indices into texts
    "reason",  # why it was not colored: index into texts, or null
    "hint",  # likewise
    "engine",  # likewise
    "seconds",  # that it took, or null
    "bytes",  # size of the result, or null
    "size",  # pixels of the result, '4000x3000'
    "duration",  # of a film, '2:03'
    "frames",  # on a sheet: [seconds or page, confidence or null, left, top, width, height, its size, its time code]
    "pages",  # of a still
    "matrix",  # '601' or '709'
    "shown",  # whether there are pictures of it
    "map",  # whether there is a confidence map
    "tiled",  # whether there are tiles of it at full size, because browsers cannot show it itself
    "plays",  # of a film: what browsers can play, 'result', 'copy' or ''
    "made",  # when the result was begun, seconds since 1970
    "painted",  # whether hints were painted for it
    "redone",  # whether it took the place of an earlier result
)
"""Of the rows in the page's data."""


def write_page(
    folder: Path,
    out: Path,
    previews: list[Preview],
    version: str,
    run: RunFacts | None = None,
    marks: Mapping[str, Mark] | None = None,
) -> Path:
    """Write ``index.html`` into ``folder``; gives its path.

    ``version`` is archivecolor's, ``marks`` are those that OUT keeps, by source. Raises `OutputError`.
    """
    path = folder / NAME
    check_place(folder)
    text, _ = page_text(folder, out, previews, version, run or RunFacts(), marks or {})
    with atomic_write(path, overwrite=True) as file:
        file.write(text.encode())
    return path


def page_text(
    folder: Path,
    out: Path,
    previews: list[Preview],
    version: str,
    run: RunFacts,
    marks: Mapping[str, Mark],
    live: str | None = None,
) -> tuple[str, str]:
    """The page, and its policy for a header.

    ``live`` is the script of a server's page, which then finds OUT as ``out`` and SRC as ``src`` beside it.
    """
    style = _asset("page.css")
    scripts = {name: _asset(name) for name in _SCRIPTS}
    if live is not None:
        scripts["backend.js"] += f"\n{live}"
    script = "\n".join(scripts.values())
    policy = _policy(style, script, live=live is not None)
    title = Path(run.source or "").name or out.resolve().name or "archivecolor"
    data = _data(folder, out, title, previews, version, run)
    data["marks"] = [mark.row() for mark in marks.values()]  # path, mark, note, at, by
    if live is not None:
        data |= {"live": True, "root": "out", "sources": "src" if run.source else ""}
    parts = {
        "policy": html.escape(policy, quote=True),
        "title": html.escape("".join(c if c.isprintable() else "\ufffd" for c in _named(title, run))),
        "style": style,
        "script": script,
        # ASCII only: lone surrogates, the bytes of names that are no UTF-8, stay what they are as escapes
        "data": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
    }
    # In one pass: what is put in is not looked at again
    text = re.sub("@(policy|title|style|script|data)@", lambda found: parts[found[1]], _asset("page.html"))
    return text, policy


def row_of(preview: Preview) -> tuple[list[object], list[str]]:
    """The row of one item in the page's data, and the texts that it counts."""
    texts = _Texts()
    row = _row(preview, texts)
    return row, list(texts.known)


def _named(title: str, run: RunFacts) -> str:
    """Which archive, and when."""
    try:
        day = datetime.fromisoformat(run.began_at or "").strftime("%Y-%m-%d")
    except ValueError:
        return title
    return f"{title}, colored {day}"


def check_place(folder: Path) -> None:
    """Refuse to overwrite a page that is not ours. Raises `OutputError`."""
    path = folder / NAME
    try:
        with path.open("rb") as file:
            ours = _MARK in file.read(1024)
    except FileNotFoundError:
        return
    except OSError as e:
        raise OutputError(f"{path}: cannot be written: {e.strerror}", hint="give --to another folder") from e
    if not ours:
        raise OutputError(f"{path}: exists and is not a review page", hint="give --to another folder")


@dataclass(slots=True)
class _Texts:
    """Texts that many rows share, each held once."""

    known: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        return self.known.setdefault(text, len(self.known))

    def number_or_none(self, text: str | None) -> int | None:
        return self.number(text) if text else None


def _data(
    folder: Path, out: Path, title: str, previews: list[Preview], version: str, run: RunFacts
) -> dict[str, object]:
    texts = _Texts()
    rows = [_row(preview, texts) for preview in previews]
    return {
        "title": title,
        "run": hashlib.sha256(os.fsencode(out.resolve())).hexdigest()[:16],
        "root": _address(out.resolve(), folder.resolve()),
        "sources": _address(Path(run.source).resolve(), folder.resolve()) if run.source else "",
        "out": str(out.resolve()) if run.names_out else "",
        "source": run.source or "",
        "words": shlex.join(run.words),
        "quoted": {
            "out": shlex.quote(str(out.resolve())) if run.names_out else "OUT",
            "source": shlex.quote(run.source) if run.source else "SRC",
        },
        "began": run.began_at or "",
        "takes_hints": run.takes_hints,
        "sides": {"picture": PICTURE_PX, "tile": TILE_PX, "smallThumb": SMALL_THUMB_PX},
        "version": version,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "fields": FIELDS,
        "texts": list(texts.known),
        "items": rows,
    }


def _address(out: Path, folder: Path) -> str:
    """How the page in ``folder`` refers to ``out``."""
    try:
        return quote_from_bytes(os.fsencode(Path(os.path.relpath(out, folder)).as_posix()))
    except ValueError:  # on another drive of Windows
        return out.as_uri()


def _row(preview: Preview, texts: _Texts) -> list[object]:
    item, facts = preview.item, preview.facts
    state = State.MISSING if preview.problem and item.state is State.COLORED else item.state
    return [
        preview.id,
        item.source,
        item.result,
        item.kind,
        state,
        None if item.confidence is None else round(item.confidence, 3),
        item.luma,
        [texts.number(warning) for warning in item.warnings],
        texts.number_or_none(f"its result cannot be shown: {preview.problem}" if preview.problem else item.reason),
        texts.number_or_none(item.hint),
        texts.number_or_none(item.engine),
        None if item.seconds is None else round(item.seconds, 1),
        preview.result_bytes,
        f"{facts.width}x{facts.height}" if facts else "",
        facts.duration if facts else "",
        facts.frames if facts else [],
        facts.pages if facts else 1,
        facts.matrix if facts else "601",
        facts is not None,
        facts is not None and facts.has_map,
        facts is not None and facts.tiled,
        facts.plays if facts else "",
        _seconds(item.made_at, preview),
        item.painted,
        item.redone,
    ]


def _seconds(made_at: str, preview: Preview) -> int:
    try:
        return int(datetime.fromisoformat(made_at).timestamp())
    except ValueError:
        return preview.changed_s


def _asset(name: str) -> str:
    return resources.files("archivecolor.report").joinpath("assets", name).read_text(encoding="utf-8")


def _policy(style: str, script: str, *, live: bool) -> str:
    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    disk, asking = ("", "; connect-src 'self'") if live else (" file:", "")
    return (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; img-src 'self'{disk} data: blob:; "
        f"media-src 'self'{disk}; script-src {digest(script)}; style-src {digest(style)} 'self'{disk}{asking}"
    )
