"""One form for a film that changes its form on the way.

What a deeper form can hold is widened to it, losslessly: 8-bit luma beside 10-bit luma becomes 10-bit. A change of
size, range, matrix, color tags or aspect has no form that could hold both sides, and is refused by its time, before
anything is made.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from archivecolor.color import UIntArray
from archivecolor.errors import InputError
from archivecolor.film.codes import convert_luma
from archivecolor.film.form import UNSPECIFIED, PictureForm
from archivecolor.film.survey import Survey

_MOST_PARTS: Final = 4


def settled(path: Path, film: Survey, first: int, last: int) -> Survey:
    """``film`` with the one form that frames ``first`` to ``last`` (exclusive) are written in.

    Raises `InputError` with the time of the first change that no form can hold.
    """
    whole = film.form_at(first)
    refused: list[tuple[int, str]] = []
    for begin, form in film.forms:
        if first < begin < last:
            change = _change(whole, form)
            if change:
                refused.append((begin, change))
            whole = form if change else _wider(whole, form)
    if refused:
        begin, change = refused[0]
        hint = _parts(film, [begin for begin, _ in refused], first, last)
        raise InputError(f"{path}: at {film.seconds(begin):.3f} s {change}", hint=hint)
    return replace(film, form=whole)


def luma_in(luma: UIntArray, own: PictureForm, film: PictureForm) -> UIntArray:
    """A frame's luma ``[h, w]`` as codes of the film's form; its own form may be narrower, or of another scale."""
    if own.scale is not film.scale:
        luma, depth = own.as_shown(luma)
        return convert_luma(luma, (depth, True), (film.depth, film.full_range))
    return convert_luma(luma, (own.depth, own.full_range), (film.depth, film.full_range))


def depths(film: Survey, first: int, last: int) -> tuple[int, ...]:
    """The depths, in bits, that frames ``first`` to ``last`` (exclusive) have, each once, rising."""
    found = {film.form_at(first).depth, *(form.depth for begin, form in film.forms if first < begin < last)}
    return tuple(sorted(found))


def _change(before: PictureForm, after: PictureForm) -> str | None:
    """What changes and cannot, in words."""
    if (before.width, before.height) != (after.width, after.height):
        was, now = f"{before.width} x {before.height}", f"{after.width} x {after.height}"
        return f"the picture changes from {was} to {now}"
    if before.full_range is not after.full_range:
        was, now = ("full" if form.full_range else "limited" for form in (before, after))
        return f"luma changes from {was} to {now} range"
    if before.weights != after.weights:
        return f"the color matrix changes from {before.matrix_name} to {after.matrix_name}"
    if before.sample_aspect != after.sample_aspect:
        was, now = (_ratio(form.sample_aspect) for form in (before, after))
        return f"the shape of a pixel changes from {was} to {now}"
    if before.display_matrix != after.display_matrix:
        return "the picture is turned another way"
    for what in ("primaries", "transfer"):
        was, now = getattr(before, what), getattr(after, what)
        if was != now and UNSPECIFIED not in (was, now):
            return f"the color {what} change from code {was} to {now} of H.273"
    if before.has_alpha is not after.has_alpha:
        return f"the alpha channel {'ends' if before.has_alpha else 'begins'}"
    if before.converted is not after.converted:
        return f"the picture changes from {before.pixel_format} to {after.pixel_format}"
    return None


def _ratio(aspect: Fraction | None) -> str:
    return "{}:{}".format(*(aspect or Fraction(1)).as_integer_ratio())


def _wider(one: PictureForm, other: PictureForm) -> PictureForm:
    """The form that holds both; nothing else differs than `_change` lets pass."""
    deeper = other if other.depth > one.depth else one
    across, down = zip(one.chroma_shift, other.chroma_shift, strict=True)
    known = other if one.primaries == UNSPECIFIED else one
    shown = other if one.transfer == UNSPECIFIED else one
    return replace(deeper, chroma_shift=(min(across), min(down)), primaries=known.primaries, transfer=shown.transfer)


def _parts(film: Survey, begins: list[int], first: int, last: int) -> str:
    """How to color the parts one by one."""
    cuts = [_between(film, begin) for begin in begins]
    how = "color it in parts with 'archivecolor video'"
    if len(cuts) > _MOST_PARTS:
        return f"{how}; it changes {len(cuts)} times, the first part ends with --end {cuts[0]}"
    outer = (_between(film, first) if first else "", _between(film, last) if last < len(film.times) else "")
    starts = [f"--start {cut}" if cut else "" for cut in (outer[0], *cuts)]
    ends = [f"--end {cut}" if cut else "" for cut in (*cuts, outer[1])]
    parts = [" ".join(part for part in both if part) for both in zip(starts, ends, strict=True)]
    return f"{how}: {', then '.join(parts)}"


def _between(film: Survey, begin: int) -> str:
    """A moment in seconds, as short as may be, at which a frame is not shown yet and the one before it is."""
    before, after = film.seconds(begin - 1), film.seconds(begin)
    for digits in range(1, 6):
        text = f"{(before + 3 * after) / 4:.{digits}f}"
        if before < float(text) <= after:
            return text
    return f"{after:.6f}"
