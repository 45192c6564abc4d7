"""What coloring costs beside what cannot be avoided, and whether it grows: ``python -m tests.bench``.

Makes its material from `samples/`; measures, in turns and in one run, the floor (decoding and encoding alone with the
same library, settings and depth), the whole tool and its stages; prints medians with their range. Nothing here passes
or fails. `tests/bench/RESULTS.md` has the figures so far.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import film, growth, scans, stills
from tests.bench.growth import Curve
from tests.bench.measuring import Spread

_FOLDER, _GROWTH = "folder of JPEGs", "growth"
_BAR = 40

Work = Callable[[Path], Iterator[dict[str, Any]]]


def main() -> None:
    """Print a block for each case, or one JSON line for each part of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", metavar="WORD", help="cases whose names hold it; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a few small frames and pictures: does it run?")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--minutes", type=int, default=growth.MINUTES[-1], help="longest film of the growth curve")
    parser.add_argument("--files", type=int, default=growth.FILES[-1], help="largest folder of the growth curve")
    parser.add_argument("--png", type=Path, help="draw the growth curves here")
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    options = parser.parse_args()
    cases = chosen(options)
    if not cases:
        parser.error("--only names no case")
    for name, work in cases.items():
        sys.stderr.write(f"{name} ...\n")
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            for figures in work(Path(folder)):
                sys.stdout.write((as_json(figures) if options.json else as_text(figures)) + "\n")
                sys.stdout.flush()


def chosen(options: argparse.Namespace) -> dict[str, Work]:
    """The cases to run, by name."""
    quick, rounds = options.quick, 1 if options.quick else options.rounds
    cases: dict[str, Work] = {c.name: partial(_of, film.run, c, rounds) for c in (film.QUICK if quick else film.CASES)}
    cases |= {c.name: partial(_of, scans.run, c, rounds) for c in (scans.QUICK if quick else scans.CASES)}
    cases |= {c.name: partial(_of, stills.run, c, rounds) for c in (stills.QUICK if quick else stills.CASES)}
    cases[_FOLDER] = partial(stills.folder_of_many, rounds=rounds, count=2 if quick else 60)
    seconds = (1, 2) if quick else [60 * m for m in growth.MINUTES if m <= options.minutes]
    files = (2, 4) if quick else [n for n in growth.FILES if n <= options.files]
    cases[_GROWTH] = partial(growth.run, seconds=seconds, files=files, png=options.png)
    return {name: w for name, w in cases.items() if not options.only or any(o in name for o in options.only)}


def _of(
    run: Callable[..., Iterator[dict[str, Any]]], case: object, rounds: int, folder: Path
) -> Iterator[dict[str, Any]]:
    return run(case, folder, rounds)


def as_json(figures: dict[str, Any]) -> str:
    """One line."""
    return json.dumps(
        {k: asdict(v) if isinstance(v, (Spread, Curve)) else v for k, v in figures.items()}, sort_keys=False
    )


def as_text(figures: dict[str, Any]) -> str:
    """For people: names and figures below each other, stages as bars."""
    lines = [str(figures["case"])]
    for name, value in figures.items():
        if name == "stages":
            most = sum(stage["cpu_s"] for stage in value.values())
            lines.append(f"  {'CPU s':>8} {'wait s':>7}")
            for stage, spent in sorted(value.items(), key=lambda item: -item[1]["cpu_s"]):
                bar = "#" * round(_BAR * spent["cpu_s"] / most)
                lines.append(f"  {spent['cpu_s']:8.2f} {spent['wait_s']:7.2f}  {stage:<52} {bar}")
        elif name == "curve":
            lines.append(value.as_text())
        elif name != "case":
            lines.append(f"  {name:<18} {value}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
