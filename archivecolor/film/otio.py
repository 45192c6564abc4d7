"""Lists of shots as OpenTimelineIO and CMX3600 have them: a track of clips, each a part of the film on its time code.

What is known and wanted of a shot is a clip's metadata, in an EDL a comment: ``* ARCHIVECOLOR saturation=1.2``.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archivecolor.errors import DependencyError, InputError, OutputError, UsageError
from archivecolor.installation import install_line
from archivecolor.settings import ShotSettings

if TYPE_CHECKING:
    from archivecolor.film.shot_list import ListedShot
    from archivecolor.film.survey import Survey

_ADAPTERS: Final = {".otio": "otio_json", ".edl": "cmx_3600"}
_NAME: Final = "archivecolor"
_COMMENT: Final = "ARCHIVECOLOR"
_DAMAGE: Final = (ValueError, KeyError, IndexError, TypeError, AttributeError, NotImplementedError, RuntimeError)


def _library() -> Any:
    try:
        import opentimelineio
    except ImportError as e:
        line = install_line("otio")
        raise DependencyError(".otio and .edl need OpenTimelineIO", hint=f"{line}, or end the name in .csv") from e
    return opentimelineio


def check_installed() -> None:
    """Raises `DependencyError` where lists of these kinds can be neither read nor written."""
    _library()


def written(suffix: str, path: Path, shots: Sequence[ListedShot], film: Survey, source: Path) -> str:
    """A list as text. Raises `DependencyError`, and `OutputError` where the format has no such rate of frames."""
    from archivecolor.film.shot_list import code_number, first_code

    library = _library()
    schema, time = library.schema, library.opentime
    rate, begin = _rate(suffix, film), first_code(film).number

    def span(first: int, last: int) -> Any:
        number = code_number(film, first)
        length = code_number(film, last) - number
        return time.TimeRange(time.RationalTime(begin + number, rate), time.RationalTime(length, rate))

    timeline = schema.Timeline(source.stem, global_start_time=time.RationalTime(begin, rate))
    track = schema.Track("V1", kind=schema.TrackKind.Video)
    timeline.tracks.append(track)
    whole = span(0, len(film.times))
    for number, shot in enumerate(shots, 1):
        media = schema.ExternalReference(source.absolute().as_uri(), available_range=whole)
        clip = schema.Clip(f"shot {number}", media, span(shot.first, shot.first + shot.frames))
        told = shot.told()
        clip.metadata[_NAME] = told
        if told:
            said = shlex.join(f"{name}={value}" for name, value in told.items())
            clip.metadata["cmx_3600"] = {"comments": [f"{_COMMENT} {said}"]}
        if shot.doubtful:
            mark = time.TimeRange(clip.source_range.start_time, time.RationalTime(1, rate))
            clip.markers.append(schema.Marker("doubtful cut", mark, schema.MarkerColor.RED))
        track.append(clip)
    how = {"rate": rate} if suffix == ".edl" else {}
    try:
        return str(library.adapters.write_to_string(timeline, _ADAPTERS[suffix], **how))
    except (library.exceptions.OTIOError, *_DAMAGE) as e:
        raise OutputError(
            f"{path}: cannot hold film of {float(film.rate):.5g} frames a second: {_said(e)}",
            hint="end its name in .otio or .csv",
        ) from e


def read(suffix: str, path: Path, text: str, film: Survey) -> Iterator[ListedShot]:
    """The shots that a list's clips are. Raises what `shot_list.read_shots` does."""
    from archivecolor.film.shot_list import ListedShot, first_code, frame_of

    library = _library()
    rate, begin, frame = _rate(suffix, film), first_code(film).number, frame_of(film)
    how = {"rate": rate} if suffix == ".edl" else {}
    try:
        timeline = library.adapters.read_from_string(text, _ADAPTERS[suffix], **how)
        for clip in timeline.find_clips():
            inside = clip.trimmed_range()
            numbers = (inside.start_time, inside.end_time_exclusive())
            first, last = (frame(round(number.rescaled_to(rate).value) - begin) for number in numbers)
            yield ListedShot(first, last - first, settings=ShotSettings.of(_told(clip), path.parent))
    except UsageError as e:
        raise UsageError(f"{path}: {e.message}", hint=e.hint) from e
    except (library.exceptions.OTIOError, *_DAMAGE) as e:
        raise InputError(
            f"{path}: is no {suffix} that can be read: {_said(e)}", hint="export it anew, at the film's own rate"
        ) from e


def _told(clip: Any) -> dict[str, str]:
    """What a clip says of its shot."""
    told = {str(name): str(value) for name, value in dict(clip.metadata.get(_NAME, {})).items()}
    for comment in clip.metadata.get("cmx_3600", {}).get("comments", ()):
        word, _, rest = str(comment).partition(" ")
        if word == _COMMENT:
            told |= dict(part.split("=", 1) for part in shlex.split(rest))
    return told


def _rate(suffix: str, film: Survey) -> float:
    """Frames a second. An EDL is drop-frame by its rate alone."""
    from archivecolor.film.shot_list import first_code

    code = first_code(film)
    return float(code.base) if suffix == ".edl" and not code.drop else float(film.rate)


def _said(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
