"""The end of a film run: its segments become a film, with everything else that the source carries."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from archivecolor.chroma.recording import packet_with
from archivecolor.errors import InputError
from archivecolor.film.about import xmp_at
from archivecolor.film.inventory import Inventory, inventory, missing
from archivecolor.film.segments import Segment, SegmentJournal
from archivecolor.film.writing import Joined, join
from archivecolor.jobs.atomic import part_path
from archivecolor.jobs.digests import look_at
from archivecolor.provenance.xmp import Noted, Record
from archivecolor.runs.film.plan import FilmPlan
from archivecolor.sequences.beside import write_beside
from archivecolor.sequences.coding import FrameCoding
from archivecolor.settings import Purpose


def join_film(
    plan: FilmPlan, segments: list[Segment], journal: SegmentJournal, record: Record | Noted | None
) -> tuple[Joined, tuple[str, ...]]:
    """Join the segments of a plan into its film, with what the source carries and ``record`` of how it was colored.

    Gives what is to be said of its XMP, too. Raises `OutputError`.
    """
    request, encoding, source = plan.request, plan.encoding, plan.request.source
    if isinstance(encoding, FrameCoding):
        raise TypeError("frames are not joined")
    if plan.scan.frames:
        source = beside_path(journal)
        write_beside(source, plan.sound, plan.scan.film)
    xmp, said = packet_with(xmp_at(source), record)
    joined = join(
        source,
        part_path(request.target),
        plan.scan.film,
        [(journal.segment_path(s.number), journal.made[s.number]) for s in segments],
        plan.part,
        encoding,
        plan.muxer,
        leave_out=request.settings.leave_out,
        fast_start=request.settings.encode.purpose is Purpose.SHARE,
        alone=request.chroma_only,
        xmp=xmp,
    )
    return joined, said


def beside_path(journal: SegmentJournal) -> Path:
    """A film that holds what lies beside the frames of a sequence."""
    return journal.folder / "beside.mkv"


def lost(plan: FilmPlan, journal: SegmentJournal) -> tuple[str, ...]:
    """What the source carries and the film that is about to be named does not."""
    before = plan.scan.film.inventory
    if plan.request.chroma_only:
        return ()
    if not plan.muxer:
        return () if plan.scan.frames else missing(before, Inventory(), whole=plan.part.whole)
    if plan.scan.frames:
        form = plan.scan.film.form
        carried = inventory(beside_path(journal))
        before = replace(carried, aspect=form.sample_aspect or Fraction(1), orientation=form.orientation)
    after = inventory(part_path(plan.request.target), beside=bool(before.beside))
    return missing(before, after, whole=plan.part.whole)


def check_unchanged(plan: FilmPlan) -> None:
    """Raise `InputError` where the source is not what it was."""
    source = plan.request.source
    if not look_at(source).looks_like(plan.read):
        raise InputError(f"{source}: changed while it was read", hint="run the same command again")
