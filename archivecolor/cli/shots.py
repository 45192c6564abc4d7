"""``archivecolor shots FILM``: the list of a film's shots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archivecolor.cli import console, film_lines, options
from archivecolor.cli.interrupt import interruptible
from archivecolor.cli.layout import laid_out
from archivecolor.cli.lines import Lines
from archivecolor.errors import Stopped


@laid_out
def shots(
    source: Annotated[
        str, typer.Argument(metavar="FILM", help="The film, s3://... too, or scanned frames: a folder or a pattern.")
    ],
    cuts: options.Cuts = None,
    out: Annotated[
        Path | None, options.result("--out", "Write it to this file: .otio, .edl or .csv. Default: stdout.", "FILE")
    ] = None,
    overwrite: options.Overwrite = False,
    *,
    tell: options.TellOptions,
) -> None:
    """List the shots of a film: where its cuts are, on its own time code, and which of them are doubtful.

    Editors open the list as OpenTimelineIO or CMX3600 EDL; as CSV it opens anywhere. Corrected, and with settings for
    single shots in it, 'video --cuts' takes it back. With --cuts such a list is checked, and written as another kind.

    Examples:
    archivecolor shots film.mp4

    archivecolor shots film.mp4 --out film.otio
    """
    tell.begin()
    film_lines.check_list(out, overwrite=overwrite)

    from archivecolor.film.shot_list import csv_of, write_shots
    from archivecolor.runs.film.places import read_at
    from archivecolor.runs.film.shots import find_shots
    from archivecolor.sequences.finding import source_of
    from archivecolor.storage.urls import placed

    place = placed(source)
    place = source_of(place) if isinstance(place, Path) else place
    found = None
    with interruptible() as interruption, Lines(quiet=tell.quiet) as lines, read_at(place) as film_path:
        try:
            found = find_shots(film_path, cuts, lines, interruption.stop)
        except Stopped:
            interruption.raise_if_interrupted()
            raise
    film, listed = found
    if out:
        write_shots(out, listed, film, film_path, overwrite=overwrite)
        film_lines.tell_list(out, listed)
    if tell.json:
        for number, shot in enumerate(listed, 1):
            start_s = film.seconds(shot.first)
            first = film.number(shot.first)
            where = {"shot": number, "first_frame": first, "frames": shot.frames, "start_s": round(start_s, 3)}
            code = film.timecode_at(start_s)
            console.emit({**where, **({"timecode": str(code)} if code else {}), **shot.told()})
    elif not out:
        console.write_out(csv_of(listed, film).rstrip("\n"))
