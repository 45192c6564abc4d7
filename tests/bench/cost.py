"""What an archive takes on many machines: hours, disk and money, of figures measured and prices that are yours.

``python -m tests.bench.cost --scans 1e6 --film-hours 100 --machines 16 --cores 8 --price 0.30``. The defaults of
``--core-ms`` and ``--film-cpu`` are this project's own measurements on a 2026 server CPU, see GUIDE.md; measure yours
with ``python -m tests.bench.stills`` and ``python -m tests.bench.film``, or GPUs with ``tests.bench.gpu_check``.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a figure rests on."""

    scans: float = 1e6
    megapixels: float = 12.0
    """Of a scan."""
    scan_mb: float = 6.0
    """On the disk; a result takes as much."""
    film_hours: float = 0.0
    film_gb: float = 20.0
    """Of an hour; a result takes as much."""
    core_ms: float = 85.0
    """CPU time of a megapixel: the middle of the 60 to 110 ms that a one-megapixel JPEG took."""
    film_cpu: float = 11.0
    """CPU hours of an hour of film: a second of 1080p at 24 frames a second took 11.3 s of CPU time into H.265
    (``--for archive``), 3.8 s into H.264 (``--for share``), start-up included, in clips of 5 s."""
    longest_film_hours: float = 2.0
    """Of the longest film, which one machine makes alone."""
    machines: int = 16
    cores: int = 8
    price: float = 0.30
    """Of a machine's hour, in your currency."""
    imbalance: float = 1.1
    """The longest shard's work, of the mean: shares are by hash."""
    scan_share: float = 0.02
    """Of the time that goes into walking SRC, starting, and the journal."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What it comes to."""

    cpu_hours: float
    hours: float
    money: float
    disk_tb: float
    """For the results."""
    network_mb_s: float
    """That the shared disk reads and writes, in the mean."""


def cost(given: Assumptions) -> Cost:
    """Work out hours, money, disk and traffic."""
    stills = given.scans * given.megapixels * given.core_ms / 3.6e6
    cpu_hours = (stills + given.film_hours * given.film_cpu) * (1 + given.scan_share)
    alone = min(given.film_hours, given.longest_film_hours) * given.film_cpu / given.cores
    hours = max(cpu_hours / (given.machines * given.cores) * given.imbalance, alone)
    disk_tb = given.scans * given.scan_mb / 1e6 + given.film_hours * given.film_gb / 1e3
    traffic = 2 * disk_tb * 1e6 / (hours * 3600) if hours else 0.0
    return Cost(cpu_hours, hours, hours * given.machines * given.price, disk_tb, traffic)


def main() -> None:
    """Print one JSON line: what was assumed, and what it comes to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cost", description=__doc__)
    for name, value in asdict(Assumptions()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    given = Assumptions(**vars(parser.parse_args()))
    told = {name: round(value, 2) for name, value in asdict(cost(given)).items()}
    sys.stdout.write(json.dumps({"assumed": asdict(given), **told}) + "\n")


if __name__ == "__main__":
    main()
