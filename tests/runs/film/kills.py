"""Kill `archivecolor video` with SIGKILL at random moments, go on, and compare with a run that was left in peace.

``python -m tests.runs.film.kills --kills 20``. The engine needs no weights and segments last a second, so that many
moments fall between and into segments, into joining and into naming. A round kills up to three times before it lets the
film be finished; nothing but film and result may be left, and every frame, time and sound packet must be the same.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.film.sources import FilmSource, decode, moving, packets

ROOT = Path(__file__).resolve().parents[3]
_KILLS_A_ROUND = 3


def command(source: Path, target: Path) -> list[str]:
    """The command line, with a fake engine and segments of one second."""
    return [sys.executable, "-m", "tests.runs.film.kills", "--child", str(source), str(target)]


def start(source: Path, target: Path) -> subprocess.Popen[bytes]:
    """The command, begun."""
    return subprocess.Popen(command(source, target), cwd=ROOT, stderr=subprocess.PIPE)


def finish(source: Path, target: Path) -> str:
    """Run the command to its end; gives what it said. Raises where it fails."""
    done = subprocess.run(command(source, target), cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stderr


def kill_within(source: Path, target: Path, seconds: float) -> bool:
    """Start the command and kill it after ``seconds``; False where it was done before."""
    process = start(source, target)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True
    return False


def same(one: Path, two: Path) -> bool:
    """Whether two films have the same frames, times and sound."""
    a, b = decode(one), decode(two)
    planes = all(
        np.array_equal(x, y)
        for first, second in ((a.lumas, b.lumas), (a.cb, b.cb), (a.cr, b.cr))
        for x, y in zip(first, second, strict=True)
    )
    return planes and a.times == b.times and packets(one, "audio") == packets(two, "audio")


def campaign(folder: Path, kills: int, seed: int, *, shots: int = 6) -> dict[str, object]:
    """Kill ``kills`` times; raises `AssertionError` where something was lost."""
    rng = random.Random(seed)
    lumas = [luma for shot in range(shots) for luma in moving(26, 144, 192, seed=shot)]
    source = FilmSource(lumas, "libx264", audio=1).write(folder / "film.mkv")
    began = time.monotonic()
    finish(source, folder / "peace.mkv")
    longest = time.monotonic() - began
    done = rounds = resumed = 0
    while done < kills:
        rounds += 1
        target = folder / f"round_{rounds}.mkv"
        for _ in range(min(_KILLS_A_ROUND, kills - done)):
            if not kill_within(source, target, rng.uniform(0.05, 1) * longest):
                break
            done += 1
        if target.exists():  # the same command again is refused, and clears away what was left
            subprocess.run(command(source, target), cwd=ROOT, capture_output=True)
        else:
            resumed += "going on" in finish(source, target)
        assert same(target, folder / "peace.mkv"), f"round {rounds} of seed {seed} differs"
        left = {p.name for p in folder.iterdir()} - {"film.mkv", "peace.mkv", target.name}
        assert not left, f"round {rounds} of seed {seed} left {left}"
        target.unlink()
    return {"kills": done, "rounds": rounds, "resumed": resumed, "seed": seed, "seconds_in_peace": round(longest, 1)}


def child(source: str, target: str) -> None:
    """Be the command."""
    from archivecolor.__main__ import main as run
    from archivecolor.film import segments
    from archivecolor.inference import select
    from tests.fakes.engines import FakeEngine, by_luma

    segments.LONGEST_S = 1.0  # type: ignore[misc]
    select.open_engine = lambda *_, **__: FakeEngine(by_luma)
    sys.argv = ["archivecolor", "video", source, target, "--for", "master"]
    run()


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m tests.runs.film.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", nargs=2, metavar=("FILM", "OUT"), help="used by the campaign itself")
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    with tempfile.TemporaryDirectory() as name:
        sys.stdout.write(json.dumps(campaign(Path(name), options.kills, options.seed)) + "\n")


if __name__ == "__main__":
    main()
