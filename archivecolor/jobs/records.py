"""What a journal says about each item, and about the runs that made them: the records and their one-line JSON form.

A line is either ``{"run": {...}}`` or ``{"item": {...}}``. Names of files are written as Python reads them from the
system: bytes that are no UTF-8 become lone surrogates (PEP 383), which JSON's escapes can hold, so that every name
comes back as it was. Fields that a reader does not know are passed over, and those that a line lacks have their
defaults.

A journal is input like any other: a line is damaged where it holds what no run writes, such as numbers that are not
finite, text that no system has, and places that do not lie below SRC or OUT.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from archivecolor.settings import Luma
from archivecolor.text import clock

FORMAT: Final = 1
"""Of the journal's lines. Raised when an older archivecolor could misread them."""
_DAMAGE: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What the parts of a damaged line raise; UnicodeDecodeError and JSONDecodeError are ValueErrors."""
_LONGEST_NAME_BYTES: Final = 255

PLACES: Final = ("hints_path", "references_path")
"""Settings that say where a file lies whose content another one is the digest of."""
Settings = Mapping[str, str | float | int | bool | None]
"""Every chosen value that changes a result, by its name."""


class Kind(StrEnum):
    """What an item is."""

    STILL = "still"
    FILM = "film"


class Status(StrEnum):
    """What became of an item."""

    COLORED = "colored"
    COPIED = "copied"
    """It is in color already, and was copied as it is."""
    SKIPPED = "skipped"
    """Looked at and left, for the reason among its warnings: it needs no color."""
    FAILED = "failed"


_KINDS: Final = {str(kind): kind for kind in Kind}
_STATUSES: Final = {str(status): status for status in Status}
_LUMAS: Final = {str(luma): luma for luma in Luma}


@dataclass(frozen=True, slots=True)
class EngineUsed:
    """What computed the chroma."""

    generator: str
    weights_sha256: str
    runtime: str
    """Runtime and device, for people."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What the items of one run share."""

    number: int
    started_at: str
    """UTC, ISO 8601."""
    version: str
    """archivecolor's."""
    engine: EngineUsed
    settings: Mapping[str, Settings] = field(default_factory=dict)
    """By `settings_digest`: a run has other ones for stills and for films. A line of its own each time they are new."""
    format: int = FORMAT
    source: str | None = None
    """SRC as an absolute path; None in journals of earlier versions."""
    words: tuple[str, ...] = ()
    """The options of the command line that give the run's settings again."""
    machine: str | None = None
    """The name of the computer; None in journals of earlier versions."""
    shard: str | None = None
    """Which share of the items it was, as in ``3/64``; None where it was all of them."""


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as it was found. Its digest decides whether it changed; size and time show when it need not be read."""

    size_bytes: int
    mtime_ns: int
    sha256: str | None = None

    def looks_like(self, other: FileState | None) -> bool:
        """Whether size and time of change are the same."""
        return other is not None and self.size_bytes == other.size_bytes and self.mtime_ns == other.mtime_ns


class TimedConfidence(NamedTuple):
    """How sure the generator was of a film's shot."""

    start_s: float
    """When the shot begins, in seconds from the film's beginning."""
    confidence: float
    """Mean over the shot, 0..1."""
    timecode: str = ""
    """Of the shot's first frame, where the film has time codes."""

    @property
    def moment(self) -> str:
        """When the shot begins, for people."""
        return f"{clock(self.start_s)} ({self.timecode})" if self.timecode else clock(self.start_s)


@dataclass(frozen=True, slots=True)
class Entry:
    """One item, and what became of it the last time it was begun."""

    source: str
    """Relative to SRC, ``/`` between its parts."""
    kind: Kind
    status: Status
    run: int
    """Number of the `RunRecord` that it belongs to."""
    settings_digest: str
    began_at: str
    """UTC, ISO 8601."""
    seconds: float
    source_file: FileState | None = None
    """None where it could not even be looked at."""
    result: str | None = None
    """Relative to OUT, ``/`` between its parts; None where there is none."""
    result_file: FileState | None = None
    replaces_sha256: str | None = None
    """Digest of the earlier result that this one replaces: it may still be there after a power cut."""
    chosen: bool = False
    """Named by hand (``--only-from``): runs that do not name it leave it alone, whatever their settings are."""
    luma: Luma = Luma.SAME
    """Of a still; a film's codec tells."""
    warnings: tuple[str, ...] = ()
    error: str | None = None
    hint: str | None = None
    confidence: float | None = None
    """Mean confidence of the generator, 0..1."""
    least_sure: tuple[TimedConfidence, ...] = ()
    """Of a film of several shots: those of the least confidence, from the least up."""
    lost: tuple[str, ...] = ()
    """What a film carried and its result does not, in words; it stands among the warnings, too."""
    machine: str | None = None
    """The name of the computer, where that is not the run's."""
    engine: EngineUsed | None = None
    """From the `RunRecord`; None where its line was lost."""
    root: str | None = None
    """SRC, from there, too."""


def settings_digest(settings: Settings) -> str:
    """Sixteen hexadecimal digits that change when any setting does, but for where files lie."""
    values = {name: value for name, value in settings.items() if name not in PLACES}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def encode_run(run: RunRecord) -> bytes:
    """One line."""
    engine = {"generator": run.engine.generator, "weights": run.engine.weights_sha256, "runtime": run.engine.runtime}
    body = {"format": run.format, "number": run.number, "started": run.started_at, "version": run.version}
    body |= {"source": run.source} if run.source else {}
    body |= {"words": list(run.words)} if run.words else {}
    body |= {name: value for name, value in (("machine", run.machine), ("shard", run.shard)) if value}
    settings = {digest: dict(values) for digest, values in run.settings.items()}
    return _line({"run": {**body, "engine": engine, "settings": settings}})


def encode_entry(entry: Entry) -> bytes:
    """One line; what has its default is left out."""
    body: dict[str, object] = {
        "source": entry.source,
        "kind": entry.kind,
        "status": entry.status,
        "run": entry.run,
        "settings": entry.settings_digest,
        "began": entry.began_at,
        "seconds": round(entry.seconds, 3),
    }
    optional = {
        "file": _encode_file(entry.source_file),
        "result": entry.result,
        "result_file": _encode_file(entry.result_file),
        "replaces": entry.replaces_sha256,
        "chosen": entry.chosen or None,
        "luma": None if entry.luma is Luma.SAME else entry.luma,
        "warnings": list(entry.warnings) or None,
        "error": entry.error,
        "hint": entry.hint,
        "confidence": None if entry.confidence is None else round(entry.confidence, 4),
        "lost": list(entry.lost) or None,
        "machine": entry.machine,
        "least_sure": [_encode_shot(shot) for shot in entry.least_sure] or None,
    }
    return _line({"item": body | {k: v for k, v in optional.items() if v is not None}})


def decode(line: bytes, runs: Mapping[int, RunRecord]) -> Entry | RunRecord | None:
    """The record of a line; None for a line that is damaged, or none of ours."""
    try:
        record = json.loads(line)
        if item := record.get("item"):
            return _entry(item, runs)
        return _run(record["run"])
    except _DAMAGE:
        return None


def decode_key(line: bytes, field: str) -> tuple[str | None, int] | RunRecord | None:
    """One text field of an item's line and the number of its run, without the rest; or the run of a run's line."""
    try:
        record = json.loads(line)
        if item := record.get("item"):
            return place_in(item.get(field)), _count(item["run"])
        return _run(record["run"])
    except _DAMAGE:
        return None


def _entry(item: Mapping[str, Any], runs: Mapping[int, RunRecord]) -> Entry:
    number, source, confidence = _count(item["run"]), place_in(item["source"]), item.get("confidence")
    if source is None:
        raise ValueError(item)
    run = runs.get(number)
    return Entry(
        source=source,
        kind=_KINDS[item["kind"]],
        status=_STATUSES[item["status"]],
        run=number,
        settings_digest=_text(item["settings"]),
        began_at=_text(item["began"]),
        seconds=_finite(item["seconds"]),
        source_file=_decode_file(item.get("file")),
        result=place_in(item.get("result")),
        result_file=_decode_file(item.get("result_file")),
        replaces_sha256=_optional(item.get("replaces")),
        chosen=bool(item.get("chosen", False)),
        luma=_LUMAS[item.get("luma", Luma.SAME)],
        warnings=tuple(map(_text, item.get("warnings", ()))),
        error=_optional(item.get("error")),
        hint=_optional(item.get("hint")),
        confidence=None if confidence is None else _finite(confidence),
        lost=tuple(map(_text, item.get("lost", ()))),
        machine=_optional(item.get("machine")),
        least_sure=tuple(map(_decode_shot, item.get("least_sure", ()))),
        engine=run.engine if run else None,
        root=run.source if run else None,
    )


def _run(run: Mapping[str, Any]) -> RunRecord:
    engine = run["engine"]
    used = EngineUsed(_text(engine["generator"]), _text(engine["weights"]), _text(engine["runtime"]))
    settings = {_text(digest): dict(values) for digest, values in run["settings"].items()}
    written, source = _count(run["format"]), _optional(run.get("source"))
    words = tuple(map(_text, run.get("words", ())))
    return RunRecord(
        *(_count(run["number"]), _text(run["started"]), _text(run["version"]), used, settings, written, source, words),
        machine=_optional(run.get("machine")),
        shard=_optional(run.get("shard")),
    )


def _encode_file(file: FileState | None) -> list[object] | None:
    return None if file is None else [file.size_bytes, file.mtime_ns, file.sha256]


def _decode_file(value: object) -> FileState | None:
    if value is None:
        return None
    if isinstance(value, list):
        size, mtime, sha256 = value
        if isinstance(size, int) and isinstance(mtime, int) and (sha256 is None or isinstance(sha256, str)):
            return FileState(size, mtime, sha256)
    raise ValueError(value)


def _encode_shot(shot: TimedConfidence) -> list[object]:
    return [round(shot.start_s, 3), round(shot.confidence, 4), *([shot.timecode] if shot.timecode else [])]


def _decode_shot(value: Any) -> TimedConfidence:
    start_s, confidence, *code = value
    return TimedConfidence(_finite(start_s), _finite(confidence), *map(_text, code))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    value.encode("utf-8", "surrogateescape")
    return value


def place_in(value: object) -> str | None:
    """A path below a folder, of names that a walk over it gives: none of them is hidden, ``..`` or too long.

    None of None. Raises `TypeError` or `ValueError` for anything else.
    """
    if value is None:
        return None
    path = _text(value)
    names = path.replace(os.sep, "/").split("/")
    if "\0" in path or os.path.splitdrive(path)[0] or not all(map(_is_name, names)):
        raise ValueError(path)
    return path


def _is_name(name: str) -> bool:
    return bool(name) and name[0] != "." and (len(name) < 64 or len(os.fsencode(name)) <= _LONGEST_NAME_BYTES)


def _count(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(value)
    return value


def _finite(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(number := float(value)):
        raise ValueError(value)
    return number


def _optional(value: object) -> str | None:
    return None if value is None else _text(value)


def _line(record: object) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"
