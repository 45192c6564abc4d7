"""Lists of shots: what the cut detector found, for an editor to open and correct, and such a list given back.

Three kinds by their suffix: OpenTimelineIO (.otio), CMX3600 edit decision lists (.edl), and .csv. In all of them a shot
lies on the film's own time code, or counts from 00:00:00:00 where the film has none; each may say how it is colored.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from archivecolor.errors import InputError, UsageError
from archivecolor.film.survey import Survey
from archivecolor.film.timecode import Timecode
from archivecolor.jobs.atomic import atomic_write
from archivecolor.jobs.files import read_regular
from archivecolor.settings import ShotSettings

DOUBTFUL: Final = 0.25
"""How sure of the cut that it begins with a shot is doubtful below."""
_LARGEST_BYTES: Final = 1 << 26
_COLUMNS: Final = ("shot", "first_frame", "frames", "start_s", "timecode", "cut_sure", "color_sure", "doubtful")
_SETTINGS: Final = ("strength", "saturation", "warmth", "reference", "hints", "leave_gray")


@dataclass(frozen=True, slots=True)
class ListedShot:
    """A shot of a list."""

    first: int
    """Index of its first frame, which lists call by its number."""
    frames: int
    cut_sure: float | None = None
    """How clearly its cut stands out, 0..1; None of a shot that no cut begins, and of those of an edited list."""
    color_sure: float | None = None
    """How sure the generator was of its colors, 0..1, where that is known."""
    settings: ShotSettings = field(default_factory=ShotSettings)

    @property
    def doubtful(self) -> bool:
        """Whether its cut may be none."""
        return self.cut_sure is not None and self.cut_sure < DOUBTFUL

    def told(self) -> dict[str, str]:
        """What is known and wanted of it, as texts; what is not is left out."""
        sure = {"cut_sure": self.cut_sure, "color_sure": self.color_sure}
        known = {name: f"{value:.2f}" for name, value in sure.items() if value is not None}
        return known | ({"doubtful": "yes"} if self.doubtful else {}) | self.settings.told()


def suffix_of(path: Path) -> str:
    """The kind of a list. Raises `UsageError` for a name of none."""
    suffix = path.suffix.lower()
    if suffix not in (".otio", ".edl", ".csv"):
        raise UsageError(f"{path}: is no list of shots", hint="end its name in .otio, .edl or .csv")
    return suffix


def first_code(film: Survey) -> Timecode:
    """The time code that shots are counted from."""
    return film.timecode or Timecode(0, max(1, round(film.rate)))


def code_number(film: Survey, index: int) -> int:
    """Frames of time code from the film's first frame to another, which may be the one behind the last."""
    if index >= len(film.times):
        return max(code_number(film, len(film.times) - 1) + 1, round(film.duration_s * film.rate))
    return round(film.seconds(index) * film.rate)


def write_shots(path: Path, shots: Sequence[ListedShot], film: Survey, source: Path, *, overwrite: bool) -> None:
    """Write a list of a film's shots. Raises `UsageError`, `DependencyError` or `OutputError`."""
    suffix = suffix_of(path)
    if suffix == ".csv":
        text = csv_of(shots, film)
    else:
        from archivecolor.film.otio import written

        text = written(suffix, path, shots, film, source)
    with atomic_write(path, overwrite=overwrite) as file:
        file.write(text.encode("utf-8", "surrogateescape"))


def csv_of(shots: Sequence[ListedShot], film: Survey) -> str:
    """The list as CSV."""
    text = io.StringIO()
    rows = csv.DictWriter(text, (*_COLUMNS, *_SETTINGS), lineterminator="\n")
    rows.writeheader()
    code = first_code(film)
    for number, shot in enumerate(shots, 1):
        place: dict[str, object] = {"shot": number, "first_frame": film.number(shot.first), "frames": shot.frames}
        place |= {"start_s": f"{film.seconds(shot.first):.3f}", "timecode": code.after(code_number(film, shot.first))}
        rows.writerow({**place, **shot.told()})
    return text.getvalue()


def read_shots(path: Path, film: Survey) -> tuple[ListedShot, ...]:
    """The shots of a list of a film, in order, without gaps: what it leaves out is a shot of its own.

    Raises `InputError` where it cannot be read, `UsageError` where it says what cannot be of this film, and
    `DependencyError` where what reads it is not installed.
    """
    suffix = suffix_of(path)
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise InputError(f"{path}: is too large for a list of shots", hint="is it another file?")
        text = read_regular(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "it is no UTF-8"
        raise InputError(f"{path}: cannot be read: {reason}", hint="give a .otio, .edl or .csv file") from e
    if suffix == ".csv":
        found = list(_of_csv(path, text, film))
    else:
        from archivecolor.film.otio import read

        found = list(read(suffix, path, text, film))
    if not found:
        raise InputError(f"{path}: holds no shots", hint="'archivecolor shots FILM --out FILE' writes one")
    return tuple(_without_gaps(path, sorted(found, key=lambda shot: shot.first), film))


def frame_of(film: Survey) -> Callable[[int], int]:
    """What gives the index of the frame that a number of time code, from the film's first frame on, is nearest to."""
    at = [code_number(film, index) for index in range(len(film.times))]

    def frame(number: int) -> int:
        return number if number < 0 else bisect_left(at, number) + max(0, number - code_number(film, len(at)))

    return frame


def _without_gaps(path: Path, found: list[ListedShot], film: Survey) -> Iterator[ListedShot]:
    count = len(film.times)
    for shot in found:
        if not 0 <= shot.first < count or not 0 < shot.frames <= count - shot.first:
            raise UsageError(
                f"{path}: names frames {film.number(shot.first)} to {film.number(shot.first + shot.frames - 1)}, "
                "which the film does not have",
                hint=f"it has frames {film.number(0)} to {film.number(count - 1)}, from {first_code(film)} on; "
                "is the list of another film?",
            )
    for before, after in pairwise(found):
        if before.first + before.frames > after.first:
            raise UsageError(
                f"{path}: has two shots that share frame {film.number(after.first)}",
                hint="let each begin where the last one ends",
            )
    end = 0
    for shot in found:
        if shot.first > end:
            yield ListedShot(end, shot.first - end)
        yield shot
        end = shot.first + shot.frames
    if end < count:
        yield ListedShot(end, count - end)


def _of_csv(path: Path, text: str, film: Survey) -> Iterator[ListedShot]:
    """Its shots; a row that does not say how long its shot is ends where the next one begins."""
    rows = csv.DictReader(io.StringIO(text))
    names = set(rows.fieldnames or ())
    if not names & {"first_frame", "timecode"}:
        raise InputError(f"{path}: has no column 'first_frame' or 'timecode'", hint="its first line names the columns")
    frame = frame_of(film)
    begun: list[tuple[int, str, ShotSettings]] = []
    try:
        for row in rows:
            given = {
                name: (value or "").strip() for name, value in row.items() if isinstance(value, str | None) and name
            }
            if not any(given.values()):
                continue
            settings = ShotSettings.of({name: given.get(name, "") for name in _SETTINGS}, path.parent)
            begun.append((_begin(given, film, frame), given.get("frames", ""), settings))
        begun.sort(key=lambda shot: shot[0])
        for i, (first, frames, settings) in enumerate(begun):
            end = begun[i + 1][0] if i + 1 < len(begun) else len(film.times)
            yield ListedShot(first, int(frames) if frames else end - first, settings=settings)
    except (ValueError, csv.Error) as e:
        raise UsageError(f"{path}: line {rows.line_num}: {e}", hint="'archivecolor shots FILM' shows the form") from e
    except UsageError as e:
        raise UsageError(f"{path}: line {rows.line_num}: {e.message}", hint=e.hint) from e


def _begin(given: dict[str, str], film: Survey, frame: Callable[[int], int]) -> int:
    """The frame that a row's shot begins with."""
    if given.get("first_frame"):
        return film.index(int(given["first_frame"]))
    return frame(Timecode.of(given.get("timecode", ""), film.rate).number - first_code(film).number)
