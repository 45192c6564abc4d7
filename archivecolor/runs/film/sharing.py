"""One film that several shards make at once: each segment is claimed before it is made, and one of them finishes.

::

    .FILM.shards/   beside the result, until that is whole
      claims/       which shards are at work here
      segments/     claims of segments that are being made, and of the end: joining and naming
      plan.json     what is being made, in how many segments
      3-of-64/      the journal of a shard, and the segments that it made
      finished      the film has its name

No two shards write one file: a shard that was only suspended, while another one took its segment over, spoils nothing.
The segments are those of a run by itself, so that the film is the same to the bit.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from archivecolor.errors import OutputError, Stopped
from archivecolor.film.segments import LOCK, Segment, SegmentJournal, holds_journal
from archivecolor.jobs.claims import Claim, Watched, standing, try_claim, wait_for_death, who
from archivecolor.jobs.files import derived_name
from archivecolor.jobs.locks import BusyError, LockFile
from archivecolor.jobs.shards import Shard
from archivecolor.jobs.writers import CLAIMS, claim_results

_SEGMENTS: Final = "segments"
_PLAN: Final = "plan.json"
_FINISHED: Final = "finished"
_MADE: Final = (".mkv", ".jsonl")
_END: Final = "end"
"""The claim of who joins the segments."""
_LOOK_S: Final = 1.0
"""Between two looks at what others have made, while there is nothing to do."""


class FinishedElsewhereError(OutputError):
    """Another shard gave the film its name. Nothing is wrong with it."""


def shared_folder(target: Path) -> Path:
    """Where shards keep what they make of a film until it is whole."""
    return target.with_name(derived_name(".", target.name, ".shards"))


def is_under_way(target: Path) -> bool:
    """Whether shards have begun a film and did not finish it."""
    folder = shared_folder(target)
    return not (folder / _FINISHED).exists() and any(map(holds_journal, _parts(folder)))


def is_begun(target: Path) -> bool:
    """Whether shards, be they alive or dead, have read a film and know what is to be made of it."""
    return (shared_folder(target) / _PLAN).exists()


def is_anybody_at_work(target: Path, watched: Watched) -> bool:
    """Whether a shard that lives, or may, is at work on a film."""
    return any(not watched.is_dead(path) for path in standing(shared_folder(target) / CLAIMS))


def is_there_to_do(target: Path, watched: Watched) -> bool:
    """Whether a shard more would find something to do in a film that others may have begun."""
    folder = shared_folder(target)
    if not is_anybody_at_work(target, watched):
        return not (folder / _FINISHED).exists()
    taken = {path.stem for path in standing(folder / _SEGMENTS) if not watched.is_dead(path)}
    made = {path.stem for part in _parts(folder) for path in part.iterdir() if path.suffix in _MADE}
    count = _plan(folder).get("segments")  # none while the first one reads the film
    return isinstance(count, int) and any(f"{number:06d}" not in taken | made for number in range(count))


def take_in_shards(journal: SegmentJournal, target: Path) -> None:
    """Have a run that is no shard go on from what shards made. Raises `BusyError` while one of them is at work."""
    folder = shared_folder(target)
    if alive := wait_for_death(standing(folder / CLAIMS), Watched()):
        raise BusyError(f"{target}: a shard is writing it, {who(alive[0])}")
    journal.take_in(_parts(folder))


def remove_shared(target: Path) -> None:
    """Delete what shards made of a film, the sign that it is begun first, and that it is finished last."""
    folder = shared_folder(target)
    (folder / _PLAN).unlink(missing_ok=True)
    for path in (*_parts(folder), folder / _SEGMENTS, folder / CLAIMS, folder):
        shutil.rmtree(path, ignore_errors=True)


def clear_shared(target: Path) -> None:
    """Delete what was left beside a film that is whole, unless a shard is at work on it."""
    if shared_folder(target).exists() and not is_anybody_at_work(target, Watched()):
        remove_shared(target)


def _parts(folder: Path) -> list[Path]:
    """The folders of shards."""
    try:
        return sorted(path for path in folder.iterdir() if "-of-" in path.name and path.is_dir())
    except OSError:
        return []


def _plan(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / _PLAN).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


class Sharing:
    """A film's segments, as one shard sees them; a context manager. Take and let go in one thread at a time."""

    def __init__(
        self,
        target: Path,
        work: Path,
        shard: Shard,
        fingerprint: str,
        segments: Sequence[Segment],
        suffix: str,
        is_wanted: Callable[[], bool],
        said: Mapping[int, str] | None = None,
    ) -> None:
        """Join those who make ``target``, or be the first; ``work`` is where a run that is no shard would make it.

        ``fingerprint`` and ``said`` are as a `SegmentJournal` has them.

        Raises `FinishedElsewhereError` where it is made, or is not wanted when others can begin it no more;
        `BusyError` where this very shard or a run that is none is at work, and `OutputError`.
        """
        self.target, self._shard, self._segments = target, shard, segments
        self.told: Callable[[float], None] = lambda _: None
        """Is given the frames that others made."""
        self.of_others = 0
        """Frames that others made."""
        self._folder, self._work = shared_folder(target), work
        self._watched, self._looked = Watched(), -_LOOK_S
        self._held: dict[int, Claim] = {}
        self._end: Claim | None = None
        self._letting_go = threading.Lock()
        self._finished = False
        self.journal: SegmentJournal
        try:
            self._presence = claim_results(self._folder, target, shard)
            try:
                self._enter(fingerprint, said or {}, suffix, is_wanted)
            except BaseException:
                self._leave()
                raise
        except OSError as e:
            if not is_wanted():  # it was finished, and its folder deleted, meanwhile
                raise _elsewhere(target) from e
            raise OutputError(f"{self._folder}: cannot be written: {e.strerror}", hint="check the permissions") from e

    @property
    def own_folder(self) -> Path:
        """Where this shard's segments lie."""
        return self._folder / self._shard.name

    @property
    def left(self) -> bool:
        """Whether any segment is not made yet, by anybody."""
        return len(self.journal.made) < len(self._segments)

    def take(self) -> Segment | None:
        """A segment that nobody has made or makes, which is this shard's now; None where there is none at the moment.

        Raises `FinishedElsewhereError` where the film has its name.
        """
        if time.monotonic() - self._looked < _LOOK_S:
            return None
        self._refresh()
        taken = {path.stem for path in standing(self._claims) if not self._watched.is_dead(path)}
        for segment in self._segments:
            name = f"{segment.number:06d}"
            if segment.number in self.journal.made or segment.number in self._held or name in taken:
                continue
            claim = try_claim(self._claims, name, self.target, self._watched)
            if claim is None:
                continue
            self._refresh()  # who had it may have made it
            if segment.number in self.journal.made:
                claim.release()
                continue
            self._held[segment.number] = claim
            return segment
        self._looked = time.monotonic()
        return None

    def let_go(self, segment: Segment) -> None:
        """The segment is made and recorded, or failed."""
        with self._letting_go:
            self._held.pop(segment.number).release()

    @contextmanager
    def finishing(self, stop: threading.Event | None) -> Iterator[None]:
        """The block joins the segments and names the film, as no other shard does meanwhile.

        Raises `FinishedElsewhereError` where another one did, and `Stopped`.
        """
        while (claim := try_claim(self._claims, _END, self.target, self._watched)) is None:
            self._look_for_the_end()
            if (stop or threading.Event()).wait(_LOOK_S):
                raise Stopped
        self._end = claim
        try:
            self._look_for_the_end()
            yield
            self._finished = True
            with suppress(OSError):
                (self._folder / _FINISHED).touch()
        finally:
            claim.release()

    def check(self) -> None:
        """Raise `LostClaimError` where another shard took over, before the film gets its name."""
        for claim in (self._presence, *([self._end] if self._end else [])):
            claim.check()

    def close(self) -> None:
        """Leave what is made to the others, or delete it if the film is finished. Twice is fine."""
        self._leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _claims(self) -> Path:
        return self._folder / _SEGMENTS

    def _enter(self, fingerprint: str, said: Mapping[int, str], suffix: str, is_wanted: Callable[[], bool]) -> None:
        self._look_for_the_end()
        if not is_wanted():
            raise _elsewhere(self.target)
        lock = self._work / LOCK
        if lock.exists():
            LockFile(lock, self.target).release()
        whole = " ".join([fingerprint, *filter(None, said.values())])
        plan = {"fingerprint": whole, "segments": len(self._segments)}
        if self._others() and _plan(self._folder).get("fingerprint", whole) != whole:
            raise OutputError(
                f"{self.target}: another shard makes it otherwise: from another place, with other settings, or by "
                "another version",
                hint="give all shards the same command, and FILM the same path",
            )
        self._claims.mkdir(exist_ok=True)
        own = self._folder / f"{self._shard.name}.json"
        own.write_bytes(json.dumps(plan).encode())
        own.replace(self._folder / _PLAN)
        self.journal = SegmentJournal(self.own_folder, fingerprint, suffix, said)
        self._refresh()

    def _others(self) -> list[Path]:
        """The claims of other shards that live, or may."""
        present = standing(self._folder / CLAIMS)
        return [path for path in present if path != self._presence.path and not self._watched.is_dead(path)]

    def _look_for_the_end(self) -> None:
        if (self._folder / _FINISHED).exists():
            self._finished = True
            raise _elsewhere(self.target)

    def _refresh(self) -> None:
        self._look_for_the_end()
        new = self.journal.take_in([self._work, *(path for path in _parts(self._folder) if path != self.own_folder)])
        if new:
            self.of_others += new
            self.told(new)

    def _leave(self) -> None:
        for claim in self._held.values():
            claim.release()
        self._held.clear()
        if hasattr(self, "journal"):
            self.journal.close()
            if self._finished:
                shutil.rmtree(self.own_folder, ignore_errors=True)
        self._presence.release()  # first: of several who leave at once the last one sees nobody
        if is_anybody_at_work(self.target, self._watched):
            return
        if self._finished or not _parts(self._folder):
            remove_shared(self.target)
        if self._finished:
            shutil.rmtree(self._work, ignore_errors=True)


def _elsewhere(target: Path) -> FinishedElsewhereError:
    return FinishedElsewhereError(f"{target}: another shard finished it")
