"""Gather color photographs to train on, from the public repositories and packages that a list names.

``python -m train.gather runs/photographs`` gets each source of ``train/photographs.toml``, keeps what is a color
photograph, new, and unlike every evaluation picture, and packs shards that `train.dataset` reads. Stopped, it goes on
after the last shard. A source that cannot be had is told of, and the others are gathered.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from archivecolor.errors import ArchiveColorError, InputError, ItemsFailedError, UsageError
from train.gathering import origin, pack, sifting, sources, twins
from train.gathering.pack import Packer, Record
from train.gathering.sifting import Unfit
from train.gathering.sources import Source

log = logging.getLogger(__name__)

LIST = Path(__file__).with_name("photographs.toml")


def gather(
    chosen: Sequence[Source],
    out: Path,
    guard: twins.Guard,
    seen: twins.Seen,
    mirror: Path | None = None,
    listed: Sequence[Source] | None = None,
) -> None:
    """Gather every source that is not finished; raises `ItemsFailedError` at the end if any could not be had.

    ``listed``: every source there is, for the count; by default the chosen ones.
    """
    failed = []
    recall(out, seen)
    for source in chosen:
        record = Record.read(out, source.name)
        try:
            if not record.exhausted and record.kept < source.cap:
                with origin.opened(source, mirror, out / pack.RECORDS / "fetched") as files:
                    _gather_one(source, files, out, record, guard, seen)
                pack.write_whole(out / "COUNT.txt", pack.count(out, listed or chosen).encode())
        except InputError as e:
            log.error("%s: %s", source.name, e)
            failed.append(source.name)
        pack.sheet(out, source)
    if failed:
        raise ItemsFailedError(f"{len(failed)} of {len(chosen)} sources failed: {', '.join(failed)}")


def recall(out: Path, seen: twins.Seen) -> None:
    """Remember what finished shards hold, whichever source they are of, and the numbers that it went by."""
    for path in sorted((out / pack.RECORDS).glob("*-*.npz")):
        if (out / f"{path.stem}.tar").exists():
            with np.load(path) as both:
                seen.add(both["views"])
                seen.names.update(both["names"].tolist())


def _gather_one(
    source: Source, files: origin.Origin, out: Path, record: Record, guard: twins.Guard, seen: twins.Seen
) -> None:
    wanted = sorted(files.paths(source.wants), key=lambda path: _chance(source, path))
    if not wanted:
        raise InputError(f"{source.where}: none of its files is wanted")
    packer = Packer(out, source, record)
    taken = record.taken
    for path, content in files.read(wanted[taken:]):
        taken += 1
        if packer.enough_of(path.rpartition("/")[0]):
            continue
        _consider(path, content, source, packer, guard, seen)
        if packer.full:
            packer.finish(taken, exhausted=False)
            log.info("%s: %d of %d looked at, %d kept", source.name, taken, len(wanted), packer.kept)
        if packer.kept >= source.cap:
            break
    packer.finish(taken, exhausted=taken >= len(wanted))
    dropped = Record.read(out, source.name).dropped
    told = ", ".join(f"{n} {reason}" for reason, n in sorted(dropped.items(), key=lambda item: -item[1]))
    log.info("%s: %d kept of %d; %s", source.name, packer.kept, taken, told or "none dropped")


def _chance(source: Source, path: str) -> bytes:
    """An order that is by chance, and the same every time."""
    return hashlib.sha256(f"{source.name}/{path}".encode()).digest()


def _consider(
    path: str, content: bytes | None, source: Source, packer: Packer, guard: twins.Guard, seen: twins.Seen
) -> None:
    """Keep the picture, or count what keeps it out."""
    names = twins.numbers(path) | _versions(source, path)
    if content is None or names & (seen.names | guard.names):
        packer.drop(Unfit.ABSENT if content is None else Unfit.NAMED)
        return
    picture = sifting.sift(content, source)
    if isinstance(picture, Unfit):
        packer.drop(picture)
        return
    views = twins.regions(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8))
    if guard.resembles(views) or seen.knows(views[0]):
        packer.drop(Unfit.EVALUATED if guard.resembles(views) else Unfit.TWIN)
        return
    seen.add(views[:1])
    seen.names |= names
    packer.add(sifting.encoded(picture), views[0], names, path.rpartition("/")[0])


def _versions(source: Source, path: str) -> set[str]:
    """What an export of augmented pictures calls each of them: one version of a picture is enough."""
    name, cut, _ = path.rpartition("/")[2].partition(".rf.")
    return {f"{source.name}/{name}"} if cut else set()


def table(listed: Sequence[Source], out: Path) -> str:
    """The list as a table in Markdown, with what each source has given."""
    rows = ["| source | pictures | where | what | class | terms |", "| --- | --- | --- | --- | --- | --- |"]
    kept = {source.name: Record.read(out, source.name).kept for source in listed}
    rows += [
        f"| {s.name} | {kept[s.name]:,} | <{s.address}> | {s.what} | {s.standing} | {s.terms} |"
        for s in sorted(listed, key=lambda s: -kept[s.name])
    ]
    return "\n".join(rows)


def main() -> int:
    """Command line of ``python -m train.gather``."""
    parser = argparse.ArgumentParser(prog="python -m train.gather", description="Gather photographs to train on.")
    parser.add_argument("out", type=Path, help="folder of shards; git-ignored runs/photographs")
    parser.add_argument("--list", type=Path, default=LIST, help="TOML file of sources")
    parser.add_argument("--mirror", type=Path, help="folder of repositories that are here already, as OWNER+NAME")
    parser.add_argument("--only", action="append", default=[], metavar="SOURCE")
    parser.add_argument(
        "--apart-from",
        action="append",
        type=Path,
        default=[],
        metavar="PATH",
        help="folder of evaluation pictures, shards or films, or a file that names them: nothing like them is kept",
    )
    parser.add_argument(
        "--besides", action="append", type=Path, default=[], metavar="PATH", help="photographs that are had already"
    )
    parser.add_argument("--table", action="store_true", help="print the list as Markdown with what was gathered")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    cv2.setNumThreads(1)
    try:
        listed = sources.load(options.list)
        if options.table:
            sys.stdout.write(table(listed, options.out) + "\n")
            return 0
        chosen = _only(listed, options.only)
        seen = twins.Seen()
        guard = twins.Guard(options.apart_from, options.out / pack.RECORDS)
        gathered = [folder for folder in options.besides if (folder / pack.RECORDS).is_dir()]
        for folder in gathered:
            recall(folder, seen)
        seen.add_folders([f for f in options.besides if f not in gathered], options.out / pack.RECORDS)
        log.info("%d evaluation pictures to keep apart from, %d had already", len(guard), len(seen))
        gather(chosen, options.out, guard, seen, options.mirror, listed)
    except ArchiveColorError as e:
        log.error("%s", e)
        return e.exit_code
    except KeyboardInterrupt:
        log.info("stopped; the same command goes on from here")
        return 130
    return 0


def _only(listed: Sequence[Source], names: Sequence[str]) -> list[Source]:
    if unknown := sorted(set(names) - {source.name for source in listed}):
        raise UsageError(f"--only {', '.join(unknown)}: not in the list")
    return [source for source in listed if not names or source.name in names]


if __name__ == "__main__":
    sys.exit(main())
