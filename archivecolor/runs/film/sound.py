"""The WAV of a sequence: whether it can go into a film of the frames, or beside other frames."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from archivecolor.errors import InputError, OutputError
from archivecolor.film.apart import unsupported
from archivecolor.film.survey import Survey
from archivecolor.runs.settings import FilmSettings
from archivecolor.sequences.beside import check_sound, is_copied, sound_beside, sound_of, write_beside

_TRIED_S: Final = 0.2


def sound_to_copy(
    source: Path, target: Path, film: Survey, *, leave_out: bool, overwrite: bool
) -> tuple[Path | None, tuple[str, ...]]:
    """The WAV that goes along beside other frames, and what is to be said of it.

    Raises `OutputError` where its place is taken.
    """
    if leave_out:
        return None, ()
    try:
        sound = sound_of(source)
    except InputError as e:
        return None, (f"no sound is copied: {e.message}",)
    if sound is None:
        return None, ()
    place = sound_beside(sound, source, target)
    if place.exists() and not overwrite and not is_copied(sound, place):
        raise OutputError(
            f"{place}: already exists", hint="--overwrite replaces it, --leave-out does without the sound"
        )
    try:
        check_sound(sound, film)
    except InputError as e:
        return sound, (f"{e.message}; it is copied as it is",)
    return sound, ()


def sound_to_mux(source: Path, target: Path, settings: FilmSettings, muxer: str, film: Survey) -> Path | None:
    """The WAV that goes into a film of the frames. Raises what says why it cannot."""
    sound = None if settings.leave_out else sound_of(source)
    if sound is None:
        return None
    check_sound(sound, film)
    with TemporaryDirectory() as folder:
        shell = Path(folder) / "sound.mkv"
        write_beside(shell, sound, film, _TRIED_S)
        lost = unsupported(shell, muxer)
    if lost:
        raise OutputError(
            f"{sound}: {target.suffix} cannot hold {'; '.join(lost)}",
            hint="end the result's name in .mkv or .mov, or give --leave-out to do without",
        )
    return sound
