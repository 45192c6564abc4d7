"""Cutting a film into segments that can be made on their own, and the journal of those that are made.

A segment is as many whole shots as fit; a long take is split, and its parts are decoded with frames to warm up on
either side, so that the smoother sees what it would have seen. Every frame is in exactly one segment.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from archivecolor.errors import OutputError
from archivecolor.jobs.files import open_regular
from archivecolor.jobs.locks import BusyError, LockFile

LONGEST_S: Final = 30.0
WARM_UP_FRAMES: Final = 80
"""Read before a part of a take. Of what came earlier than these the smoother would keep less than a third."""
LOOKAHEAD_FRAMES: Final = 40
"""Read after it: what the smoother looks ahead, and the way to the generator's next answer at its usual pace."""
_NAME: Final = "journal.jsonl"
_LOCK: Final = "journal.lock"
_FINISHED: Final = {"finished": True}
_DROPPED: Final = "dropped"


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames ``first`` to ``last`` (exclusive) of a film."""

    number: int
    first: int
    last: int
    read_first: int
    """Decoding begins here: at ``first``, or earlier inside the same shot."""
    read_last: int
    starts: tuple[int, ...]
    """Indices at which a shot begins, of the frames that are read; where the first one's shot began may lie before."""

    def shot_of(self, frame: int) -> int:
        """Where the shot begins that one of its frames is in."""
        return self.starts[bisect_right(self.starts, frame) - 1]


def plan_segments(
    times_s: Sequence[float], cuts: Sequence[int], first: int = 0, longest_s: float | None = None
) -> list[Segment]:
    """Cut the frames from ``first`` on, of those shown at ``times_s``, into segments.

    ``cuts`` are the indices, sorted, of frames that begin a shot.
    """
    longest_s = LONGEST_S if longest_s is None else longest_s
    count = len(times_s)
    shots = [first, *(c for c in cuts if first < c < count)]
    edges: list[int] = [first]
    for start, stop in zip(shots, [*shots[1:], count], strict=True):
        end_s = times_s[stop] if stop < count else times_s[-1]
        if start > edges[-1] and end_s - times_s[edges[-1]] > longest_s:
            edges.append(start)
        length = end_s - times_s[start]
        if length > longest_s:
            if start > edges[-1]:
                edges.append(start)
            parts = min(stop - start, int(-(-length // longest_s)))  # damaged times may lie years apart
            edges += sorted({start + (stop - start) * i // parts for i in range(1, parts)} - {start})
    segments = []
    for number, (begin, last) in enumerate(zip(edges, [*edges[1:], count], strict=True)):
        shot = shots[bisect_right(shots, begin) - 1]
        after = next((s for s in shots if s >= last), count)
        read_first = max(shot, begin - WARM_UP_FRAMES)
        read_last = min(after, last + LOOKAHEAD_FRAMES)
        starts = (shot, *(s for s in shots if begin < s < last))
        segments.append(Segment(number, begin, last, read_first, read_last, starts))
    return segments


class ShotConfidence(NamedTuple):
    """How sure the generator was of a shot, or of a part of it."""

    first: int
    """The frame that the shot begins with."""
    asked: int
    """Frames that the generator was asked about."""
    mean: float
    """Of the confidence over these frames, 0..1: see `confidence.confidence_of`."""


def by_shot(parts: Iterable[ShotConfidence]) -> tuple[ShotConfidence, ...]:
    """One entry a shot, in order, of entries that may be of parts or of single frames."""
    sums: dict[int, tuple[int, float]] = {}
    for part in parts:
        asked, total = sums.get(part.first, (0, 0.0))
        sums[part.first] = (asked + part.asked, total + part.asked * part.mean)
    return tuple(ShotConfidence(first, asked, total / asked) for first, (asked, total) in sorted(sums.items()))


def mean_confidence(shots: Iterable[ShotConfidence]) -> float | None:
    """Over all frames that the generator was asked about; None when it was asked about none or does not tell."""
    whole = by_shot(shot._replace(first=0) for shot in shots)
    return whole[0].mean if whole else None


@dataclass(frozen=True, slots=True)
class MadeSegment:
    """A finished segment."""

    number: int
    frames: int
    reorder: int
    """How many packets later than its turn a frame may come."""
    bytes: int
    confidence: tuple[ShotConfidence, ...] = ()
    """Of each of its shots; none from generators that do not tell."""
    paint: str = ""
    """What was painted on its shots, and said of them otherwise, in digests."""

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Self:
        """What a line of the journal says. Raises `TypeError` or `ValueError` for what no journal holds."""
        confidence = tuple(ShotConfidence(*shot) for shot in record.pop("confidence", ()))
        return cls(**record, confidence=confidence)


class SegmentJournal:
    """What is made already, in a work folder: one JSON object a line, each synced before it counts.

    A journal of another film, other settings or another version is begun anew. A line that was being written when the
    machine stopped is ignored. While it is open, no other run can open it.
    """

    def __init__(self, folder: Path, fingerprint: str, suffix: str = ".mkv") -> None:
        """Open the journal of ``folder``, making both where they are missing; segments' files end in ``suffix``.

        Raises `BusyError` while another run has it open, `OutputError` where it cannot be written or the folder holds
        other things.
        """
        self.folder, self._suffix = folder, suffix
        self._path = folder / _NAME
        self.made: dict[int, MadeSegment] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = LockFile(folder / _LOCK, folder)
            with ExitStack() as failed:
                failed.callback(self._lock.release)
                if not self._path.exists() and any(path.name != _LOCK for path in folder.iterdir()):
                    raise OutputError(f"{folder}: holds other things", hint="move them elsewhere")
                self._file = failed.enter_context(os.fdopen(open_regular(self._path, "ab"), "ab"))
                if not self._replay(fingerprint):
                    self._begin(fingerprint)
                failed.pop_all()
        except OSError as e:
            raise OutputError(f"{folder}: cannot be written: {e.strerror}", hint="check the permissions") from e

    def segment_path(self, number: int) -> Path:
        """Where a segment's file lies."""
        return self.folder / f"{number:06d}{self._suffix}"

    @property
    def confidence(self) -> tuple[ShotConfidence, ...]:
        """Of each shot that the finished segments hold."""
        return by_shot(chain.from_iterable(made.confidence for made in self.made.values()))

    def add(self, made: MadeSegment) -> None:
        """Record a segment whose file is whole and synced."""
        self._append(asdict(made))
        self.made[made.number] = made

    def drop(self, number: int) -> None:
        """Forget a segment that is to be made otherwise, and delete its file."""
        self._append({_DROPPED: number})
        self.segment_path(number).unlink(missing_ok=True)
        self.made.pop(number, None)

    def finish(self) -> None:
        """Record that nothing is needed any more: all segments are in a film that is whole and about to be named."""
        self._append(_FINISHED)

    def remove(self) -> None:
        """Delete the work folder and close the journal."""
        self._file.close()
        _remove(self.folder, self._lock)

    def close(self) -> None:
        """Let other runs open it. Closing twice is fine."""
        self._file.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self, fingerprint: str) -> None:
        self.made.clear()
        for stale in self.folder.iterdir():
            if stale.name not in (_NAME, _LOCK):
                stale.unlink()
        self._file.truncate(0)
        self._append({"fingerprint": fingerprint})

    def _replay(self, fingerprint: str) -> bool:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True)
        except (FileNotFoundError, UnicodeDecodeError):
            return False
        whole = [line for line in lines if line.endswith("\n")]
        try:
            records = [json.loads(line) for line in whole]
            if not records or records[0] != {"fingerprint": fingerprint}:
                return False
            for record in records[1:]:
                if record == _FINISHED:
                    continue
                if _DROPPED in record:
                    self.made.pop(record[_DROPPED], None)
                    continue
                made = MadeSegment.of_record(record)
                path = self.segment_path(made.number)
                if path.is_file() and path.stat().st_size == made.bytes:
                    self.made[made.number] = made
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return False
        if len(whole) < len(lines):
            self._file.truncate(len("".join(whole).encode()))
        return True

    def _append(self, record: object) -> None:
        try:
            self._file.write(json.dumps(record).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as e:
            raise OutputError(f"{self._path}: cannot be written: {e.strerror}", hint="make room") from e


def holds(folder: Path, fingerprint: str) -> bool:
    """Whether ``folder`` has a journal of that fingerprint; nothing is changed."""
    try:
        with (folder / _NAME).open(encoding="utf-8") as f:
            return bool(json.loads(f.readline()) == {"fingerprint": fingerprint})
    except (OSError, ValueError):
        return False


def holds_journal(folder: Path) -> bool:
    """Whether ``folder`` has the journal of a run that was not finished."""
    try:
        return bool(json.loads((folder / _NAME).read_bytes().splitlines()[-1]) != _FINISHED)
    except (OSError, ValueError, IndexError):
        return False


def clear_finished(folder: Path) -> bool:
    """Delete a work folder that a run had no time to delete after its film was named; says whether there was one."""
    try:
        lock = LockFile(folder / _LOCK, folder)
    except (BusyError, OSError):
        return False
    try:
        left = {path.name for path in folder.iterdir()} - {_LOCK}  # nothing: it died while it deleted
        finished = not left or json.loads((folder / _NAME).read_bytes().splitlines()[-1]) == _FINISHED
    except (OSError, ValueError, IndexError):
        finished = False
    if finished:
        _remove(folder, lock)
    lock.release()
    return finished


def _remove(folder: Path, lock: LockFile) -> None:
    """Delete a work folder, its journal after what it tells of, and the lock that keeps other runs out last."""
    with suppress(OSError):
        for path in sorted(folder.iterdir(), key=lambda path: path.name == _NAME):
            if path.name != _LOCK:
                path.unlink()
        lock.release()
        folder.rmdir()
    lock.release()
