"""CPU time of a whole run against that of another checkout: ``python -m tests.bench.against OTHER``.

Both color the same folder of one-megapixel JPEGs with `folder`, turn by turn, so a noisy machine moves them together.
Prints the seconds of each round, and the ratio of the rounds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path

from tests.bench.material import make_jpegs
from tests.bench.measuring import Used, archivecolor, in_turns, ratio
from tests.conftest import ROOT


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.against", description=__doc__)
    parser.add_argument("other", type=Path, help="another checkout")
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = make_jpegs(folder / "scans", options.files)
        numbers = itertools.count()

        def color(checkout: Path) -> Used:
            return archivecolor("folder", source, folder / f"{next(numbers)}", "--jobs", "1", checkout=checkout)

        runs = {"this": partial(color, ROOT), "other": partial(color, options.other.resolve())}
        used = in_turns(runs, options.rounds)
    spent = {name: [round(one.cpu_s, 2) for one in of] for name, of in used.items()}
    told = {"files": options.files, **spent, "ratio": asdict(ratio(used["this"], used["other"]))}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
