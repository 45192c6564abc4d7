"""Reading a sequence once from end to end, as a film is: the form of its frames, and which are broken or of another.

Frames that cannot be used are left where they are: their files are copied as they are, the color of the shot goes on
past them, and in a film the frame before is shown on. Numbers are times: a frame that is missing takes its time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from archivecolor.errors import InputError
from archivecolor.film.damage import Warned
from archivecolor.film.form import PictureForm
from archivecolor.film.inventory import Inventory
from archivecolor.film.survey import See, Survey, is_colored
from archivecolor.film.timecode import TIMECODE, Timecode
from archivecolor.sequences.finding import Sequence
from archivecolor.sequences.frames import Frame, read_frame
from archivecolor.toning import tone_of

USUAL_RATE: Final = Fraction(24)
"""Where neither the frames nor the command say one."""
_SAMPLED: Final = 9
_MOST_LEFT: Final = 0.1
"""Share of frames of another form, or broken ones, beyond which a sequence is not one film."""
_FEW: Final = 3
"""That many may always be left."""
_ADVANCE: Final = 25


@dataclass(frozen=True, slots=True)
class Surveyed:
    """The frames of a sequence by their index, and those that are left as they are."""

    sequence: Sequence
    numbers: tuple[int, ...]
    """Of the frames that are colored, by index."""
    left: dict[int, str]
    """Why, by number."""
    form: PictureForm
    """The own one of frames that are colored."""

    def path(self, index: int) -> Path:
        """Of a frame that is colored."""
        return self.sequence.path.with_name(self.sequence.files[self.numbers[index]])

    def between(self, first: int, last: int) -> dict[int, Path]:
        """The frames that are left from index ``first`` to before ``last``, and at the ends of all, by number."""
        low = self.numbers[first] if first else -1
        high = self.numbers[last] if last < len(self.numbers) else None
        here = [number for number in self.left if low <= number and (high is None or number < high)]
        return {number: self.sequence.path.with_name(self.sequence.files[number]) for number in here}


def survey_sequence(
    sequence: Sequence, see: See, advance: Callable[[float], None] | None = None, rate: Fraction | None = None
) -> tuple[Survey, Surveyed]:
    """Look at all frames; ``see`` is given every frame's luma, or lines of it, ``advance`` the share done (0..1).

    ``rate`` in place of what the frames say. Raises `InputError` where they are not of one film.
    """
    path = sequence.path
    usual, one = _usual(sequence)
    rate = rate or one.rate or USUAL_RATE
    numbers: list[int] = []
    left: dict[int, str] = {}
    looks: list[bool] = []
    codes: dict[int, str] = {}
    for count, (number, name) in enumerate(sequence.files.items()):
        due = len(numbers) >= len(looks) * rate
        try:
            frame = read_frame(path.with_name(name), look=due, glance=True)
        except InputError as e:
            left[number] = f"{name}: " + e.message.removeprefix(f"{path.with_name(name)}: ")
            continue
        if frame.form != usual:
            left[number] = f"{name}: is {_words(frame.form)}, the others {_words(usual)}"
            continue
        if due:
            looks.append(frame.look is not None and not tone_of(frame.look).is_monochrome)
        if not numbers and frame.timecode:
            codes[number] = frame.timecode
        numbers.append(number)
        see(frame.luma, usual)
        if advance and count % _ADVANCE == 0:
            advance(count / len(sequence.files))
    _check_one_film(sequence, left, usual)
    start = numbers[0]
    gaps = sequence.gaps
    first_s = float(max(0, gaps[0][0] - start) / rate) if gaps else 0.0
    warnings = [Warned(first_s, line) for line in sequence.told]
    for number, why in left.items():
        warnings.append(Warned(float(max(0, number - start) / rate), f"{why}; it is left as it is"))
    film = Survey(
        form=usual,
        time_base=1 / rate,
        rate=rate,
        times=tuple(number - start for number in numbers),
        last_duration=1,
        keys=tuple(range(len(numbers))),
        seekable=True,
        interlaced=0,
        colored=is_colored(looks),
        warnings=tuple(warnings),
        inventory=Inventory(tags={TIMECODE: codes[start]} if start in codes else {}),
        numbers=tuple(numbers),
        timecode=_timecode(codes.get(start, ""), rate),
    )
    return film, Surveyed(sequence, tuple(numbers), left, usual)


def _timecode(text: str, rate: Fraction) -> Timecode | None:
    try:
        return Timecode.of(text, rate)
    except ValueError:  # there is none, or it counts at another rate
        return None


def _usual(sequence: Sequence) -> tuple[PictureForm, Frame]:
    """The form that most of a few frames have, and one of these; raises `InputError` where none can be read."""
    names = list(sequence.files.values())
    found: list[Frame] = []
    errors: list[InputError] = []
    for name in dict.fromkeys(names[i * len(names) // _SAMPLED] for i in range(_SAMPLED)):
        try:
            frame = read_frame(sequence.path.with_name(name), glance=True)
            found.append(replace(frame, luma=frame.luma[:1, :1].copy()))
        except InputError as e:
            errors.append(e)
    if not found:
        raise InputError(
            f"{sequence.path}: of {len(names)} frames {len(errors)} were tried and none can be read; "
            f"{errors[0].message}",
            hint=errors[0].hint,
        )
    usual, _ = Counter(frame.form for frame in found).most_common(1)[0]
    return usual, next(frame for frame in found if frame.form == usual)


def _check_one_film(sequence: Sequence, left: dict[int, str], usual: PictureForm) -> None:
    count = len(sequence.files)
    if len(left) > max(_FEW, _MOST_LEFT * count) or len(left) == count:
        first = next(iter(left.values()))
        raise InputError(
            f"{sequence.path}: {len(left)} of {count} frames are broken or not {_words(usual)}; the first is {first}",
            hint="put frames of one kind into a folder of their own, and restore broken ones from a copy",
        )


def _words(form: PictureForm) -> str:
    kind = "luma" if form.pixel_format.startswith("gray") else "RGB"
    return f"{form.width} x {form.height}, {form.depth} bit {kind}, {form.scale}"
