"""Whether another checkout of archivecolor makes the same bytes: ``python -m tests.bench.same_results OTHER SRC``.

Both color the folder with `folder --for master` and take the color off again with `strip`. Photographs must be the same
files; of films the packets, for FFmpeg numbers Matroska's tracks at random. Exit code 1 where something differs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import av

from tests.conftest import ROOT

_FILMS = {".mkv", ".mp4", ".mov", ".webm"}


def make(checkout: Path, source: Path, folder: Path) -> None:
    """The folder in color, and gray again."""
    for arguments in (
        ("folder", source, folder / "color", "--for", "master"),
        ("strip", folder / "color", folder / "gray"),
    ):
        command = [sys.executable, "-m", "archivecolor", *map(str, arguments), "-q"]
        subprocess.run(command, cwd=checkout, check=False)


def held(path: Path) -> object:
    """What a result holds."""
    if path.suffix not in _FILMS:
        return path.read_bytes()
    with av.open(str(path)) as film:
        return [(packet.stream.index, packet.pts, bytes(packet)) for packet in film.demux() if packet.size]


def files(folder: Path) -> dict[str, Path]:
    """Results by their names; the journal, which has times, left out."""
    found = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(p.relative_to(folder)): p for p in found if ".archivecolor" not in p.parts}


def main() -> None:
    """Print a line for each result that differs, and the count."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.same_results", description=__doc__)
    parser.add_argument("other", type=Path, help="another checkout")
    parser.add_argument("source", type=Path, help="a folder of photographs and films")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "ours", Path(folder) / "theirs"
        make(ROOT, options.source.resolve(), ours)
        make(options.other.resolve(), options.source.resolve(), theirs)
        a, b = files(ours), files(theirs)
        differing = [
            name
            for name in sorted(a.keys() | b.keys())
            if name not in a or name not in b or held(a[name]) != held(b[name])
        ]
    for name in differing:
        sys.stdout.write(f"{name} differs\n")
    sys.stdout.write(f"{len(a) - len(differing)} of {len(a)} results are the same\n")
    sys.exit(bool(differing) or not a)


if __name__ == "__main__":
    main()
