"""What lies beside the frames of a sequence and belongs to them: sound in a WAV, and the time code.

Where these become other frames, the WAV is copied beside them. Where they become a film, both are written into a film
whose picture is one black frame, so that all that is done with the streams of a film is done with these, too.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np

from archivecolor.errors import InputError
from archivecolor.film.form import make_frame
from archivecolor.film.reading import opened
from archivecolor.film.survey import Survey
from archivecolor.film.tags import tags_of
from archivecolor.film.writing import explained
from archivecolor.jobs.atomic import copy_whole
from archivecolor.jobs.digests import read_state
from archivecolor.jobs.file_sets import Numbering
from archivecolor.jobs.files import is_same_file

_SIDE_PX: Final = 16
_SAME_LENGTH_S: Final = 0.1


def sound_of(sequence: Path) -> Path | None:
    """The WAV in the folder of the frames, or beside it and named like it; None where there is none.

    Raises `InputError` where there are several and none is named like the sequence.
    """
    folder = sequence.parent
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".wav" and p.is_file())
    if len(found) > 1:
        way = Numbering.of(sequence.name)
        named = {way.before.rstrip("._- ").lower() if way else "", folder.name.lower()}
        alike = [p for p in found if p.stem.lower() in named]
        if len(alike) != 1:
            names = ", ".join(p.name for p in found[:3])
            raise InputError(
                f"{folder}: has {len(found)} sounds: {names}", hint="name one like the sequence, or --leave-out"
            )
        found = alike
    near = folder.resolve().with_name(f"{folder.resolve().name}.wav")
    return found[0] if found else near if near.is_file() else None


def sound_beside(sound: Path, source: Path, target: Path) -> Path:
    """Where the sound of the frames ``source`` lies beside their results: in their folder, or beside it."""
    inside = sound.parent.resolve() == source.parent.resolve()
    folder = target.parent.resolve()
    return folder / sound.name if inside else folder.with_name(f"{folder.name}{sound.suffix}")


def copy_sound(sound: Path | None, source: Path, target: Path, *, overwrite: bool) -> tuple[str, ...]:
    """Copy the sound beside the results, if it is not there; gives what was copied, in words.

    Raises `InputError` or `OutputError`.
    """
    if sound is None:
        return ()
    place = sound_beside(sound, source, target)
    if not is_copied(sound, place):
        copy_whole(sound, place, overwrite=overwrite)
    return (f"{sound.name} (sound)",)


def is_copied(sound: Path, place: Path) -> bool:
    """Whether a file is the sound already. Raises `InputError`."""
    return place.is_file() and (is_same_file(sound, place) or read_state(sound).sha256 == read_state(place).sha256)


def check_sound(sound: Path, film: Survey) -> None:
    """Raise `InputError` where a WAV is none, or does not last as long as the frames."""
    with opened(sound) as container:
        if not container.streams.audio:
            raise InputError(f"{sound}: holds no sound", hint="--leave-out does without it")
        lasts_s = (container.duration or 0) / av.time_base
    if abs(lasts_s - film.duration_s) > _SAME_LENGTH_S:
        raise InputError(
            f"{sound}: the sound lasts {lasts_s:.2f} s, "
            f"the frames {film.duration_s:.2f} s at {float(film.rate):.5g} frames a second",
            hint="--fps gives another rate, --leave-out does without the sound",
        )


def write_beside(path: Path, sound: Path | None, film: Survey, seconds: float | None = None) -> None:
    """Write a film of one black frame with the sound, or its first ``seconds``, and the tags of ``film``.

    Raises `InputError` or `OutputError`.
    """
    luma = np.zeros((_SIDE_PX, _SIDE_PX), np.uint8)
    chroma = np.full((_SIDE_PX, _SIDE_PX), 128, np.uint8)
    with explained(path, ValueError), av.open(f"file:{path}", "w", format="matroska") as shell:
        picture = shell.add_stream("ffv1", rate=film.rate)
        picture.width = picture.height = _SIDE_PX
        picture.pix_fmt = "yuv444p"
        picture.metadata.update(film.inventory.tags)
        frame = make_frame("yuv444p", [luma, chroma, chroma])
        frame.pts, frame.time_base = 0, Fraction(1) / film.rate
        if sound is None:
            shell.mux([*picture.encode(frame), *picture.encode(None)])
            return
        with opened(sound) as wav:
            track = wav.streams.audio[0]
            copy = shell.add_stream_from_template(track)
            shell.metadata.update(tags_of(wav))
            shell.mux([*picture.encode(frame), *picture.encode(None)])
            for packet in wav.demux(track):
                late = seconds is not None and packet.pts is not None and packet.pts * packet.time_base > seconds
                if not packet.size or late:
                    break
                packet.stream = copy
                shell.mux(packet)
