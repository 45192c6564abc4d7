"""Cutting a film into segments that can be made on their own, and the journal of those that are made.

A segment is as many whole shots as fit; a long take is split, and its parts are decoded with frames to warm up on
either side, so that the smoother sees what it would have seen. Every frame is in exactly one segment.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from archivecolor.errors import OutputError
from archivecolor.jobs.files import open_regular, read_regular
from archivecolor.jobs.locks import BusyError, LockFile

LONGEST_S: Final = 30.0
WARM_UP_FRAMES: Final = 80
"""Read before a part of a take. Of what came earlier than these the smoother would keep less than a third."""
LOOKAHEAD_FRAMES: Final = 40
"""Read after it: what the smoother looks ahead, and the way to the generator's next answer at its usual pace."""
_NAME: Final = "journal.jsonl"
LOCK: Final = "journal.lock"
"""In a work folder, while a run that is no shard has it open."""
_FINISHED: Final = {"finished": True}


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
    """What users said of its shots: digests of what was painted on them, and the like."""
    machine: str = ""
    """The name of the one that made it."""

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Self:
        """What a line of the journal says. Raises `TypeError` or `ValueError` for what no journal holds."""
        confidence = tuple(ShotConfidence(*shot) for shot in record.pop("confidence", ()))
        return cls(**record, confidence=confidence)


class SegmentJournal:
    """What is made already, in a work folder: one JSON object a line, each synced before it counts.

    A journal of another film, other settings or another version is begun anew. A line that was being written when the
    machine stopped is ignored. While it is open, no other run can open it; what others have made of the same film, in
    folders of their own, counts once it is taken in.
    """

    def __init__(
        self, folder: Path, fingerprint: str, suffix: str = ".mkv", said: Mapping[int, str] | None = None
    ) -> None:
        """Open the journal of ``folder``, making both where they are missing; segments' files end in ``suffix``.

        ``said`` is what users say of the shots of each segment by its number: those that were made with other words are
        to be made anew. None takes them all.

        Raises `BusyError` while another run has it open, `OutputError` where it cannot be written or the folder holds
        other things.
        """
        self.folder, self._suffix, self._fingerprint, self._said = folder, suffix, fingerprint, said
        self._path = folder / _NAME
        self.made: dict[int, MadeSegment] = {}
        self._others: dict[int, Path] = {}
        """Where the segments lie that were taken in."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = LockFile(folder / LOCK, folder)
            with ExitStack() as failed:
                failed.callback(self._lock.release)
                if not self._path.exists() and any(path.name != LOCK for path in folder.iterdir()):
                    raise OutputError(f"{folder}: holds other things", hint="move them elsewhere")
                self._file = failed.enter_context(os.fdopen(open_regular(self._path, "ab"), "ab"))
                if not self._replay():
                    self._begin()
                failed.pop_all()
        except OSError as e:
            raise OutputError(f"{folder}: cannot be written: {e.strerror}", hint="check the permissions") from e

    def segment_path(self, number: int) -> Path:
        """Where a segment's file lies, or will."""
        return self._others.get(number) or self.folder / _file_name(number, self._suffix)

    @property
    def confidence(self) -> tuple[ShotConfidence, ...]:
        """Of each shot that the finished segments hold."""
        return by_shot(chain.from_iterable(made.confidence for _, made in sorted(self.made.items())))

    @property
    def machines(self) -> Mapping[str, int]:
        """How many frames of the finished segments each machine made."""
        frames: Counter[str] = Counter()
        for made in self.made.values():
            frames[made.machine] += made.frames
        return frames

    def add(self, made: MadeSegment) -> None:
        """Record a segment whose file is whole and synced."""
        self._append(asdict(made))
        self._others.pop(made.number, None)
        self.made[made.number] = made

    def take_in(self, folders: Iterable[Path]) -> int:
        """Count what is made in the folders of others, of the same film and settings; gives the frames that are new."""
        new = 0
        for folder in folders:
            found = _read(folder, self._fingerprint, self._suffix)
            for number, made in found.made.items() if found else ():
                if number not in self.made and self._counts(made):
                    self._others[number] = folder / _file_name(number, self._suffix)
                    self.made[number] = made
                    new += made.frames
        return new

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

    def _begin(self) -> None:
        self.made.clear()
        for stale in self.folder.iterdir():
            if stale.name not in (_NAME, LOCK):
                stale.unlink()
        self._file.truncate(0)
        self._append({"fingerprint": self._fingerprint})

    def _replay(self) -> bool:
        found = _read(self.folder, self._fingerprint, self._suffix)
        if found is None:
            return False
        for number, made in found.made.items():
            if self._counts(made):
                self.made[number] = made
            else:  # the journal's line must not be taken for what will lie there
                self.segment_path(number).unlink()
        self._file.truncate(found.whole_bytes)
        return True

    def _counts(self, made: MadeSegment) -> bool:
        return self._said is None or self._said.get(made.number, "") == made.paint

    def _append(self, record: object) -> None:
        try:
            self._file.write(json.dumps(record).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as e:
            raise OutputError(f"{self._path}: cannot be written: {e.strerror}", hint="make room") from e


class _Found(NamedTuple):
    """What a journal says."""

    made: dict[int, MadeSegment]
    """Of segments whose files are there."""
    whole_bytes: int
    """Of its lines that are whole."""


def _read(folder: Path, fingerprint: str, suffix: str) -> _Found | None:
    """What the journal of a work folder says; None where there is none of that fingerprint."""
    try:
        lines = (folder / _NAME).read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        records = [json.loads(line) for line in whole]
        if not records or records[0] != {"fingerprint": fingerprint}:
            return None
        made = [MadeSegment.of_record(record) for record in records[1:] if record != _FINISHED]
        sizes = {one: folder / _file_name(one.number, suffix) for one in made}
        there = {one.number: one for one, path in sizes.items() if path.is_file() and path.stat().st_size == one.bytes}
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return _Found(there, len("".join(whole).encode()))


def _file_name(number: int, suffix: str) -> str:
    return f"{number:06d}{suffix}"


def holds(folder: Path, fingerprint: str) -> bool:
    """Whether ``folder`` has a journal of that fingerprint; nothing is changed."""
    try:
        return bool(json.loads(read_regular(folder / _NAME).splitlines()[0]) == {"fingerprint": fingerprint})
    except (OSError, ValueError, IndexError):
        return False


def holds_journal(folder: Path) -> bool:
    """Whether ``folder`` has the journal of a run that was not finished."""
    try:
        return bool(json.loads(read_regular(folder / _NAME).splitlines()[-1]) != _FINISHED)
    except (OSError, ValueError, IndexError):
        return False


def clear_finished(folder: Path) -> bool:
    """Delete a work folder that a run had no time to delete after its film was named; says whether there was one."""
    try:
        lock = LockFile(folder / LOCK, folder)
    except (BusyError, OSError):
        return False
    try:
        left = {path.name for path in folder.iterdir()} - {LOCK}  # nothing: it died while it deleted
        finished = not left or json.loads(read_regular(folder / _NAME).splitlines()[-1]) == _FINISHED
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
            if path.name != LOCK:
                path.unlink()
        lock.release()
        folder.rmdir()
    lock.release()
