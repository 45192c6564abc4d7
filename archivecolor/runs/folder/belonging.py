"""Which files of a folder belong together: the frames of a film, and those that one shard makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from archivecolor.chroma.reels import reels, scans
from archivecolor.film.sniff import names_a_film
from archivecolor.runs.listener import INFO, Listener
from archivecolor.stills.sniff import names_a_picture
from archivecolor.text import printable


def group_of(name: str) -> str:
    """What the files of a group have in common, which are not to be made by different shards: all but their suffixes.

    ``a.tif``, ``a.jpg`` and ``a.tif.png`` are one, for their results' names depend on each other.
    """
    while names_a_picture(name) or names_a_film(name):
        name = name.rpartition(".")[0]
    return name


@dataclass(slots=True)
class SetsOfFrames:
    """Finds numbered pictures that are one film."""

    source: Path
    listener: Listener
    looks: bool
    """Whether pictures that may be photographs are looked at, too, not only what nothing but film is scanned into."""
    _told: set[str] = field(default_factory=set)

    def of(self, folder: Path, names: list[str]) -> dict[str, list[str]]:
        """The sets among ``names`` of a folder; what was decided by looking at pictures is told, once."""

        def tell(name: str, count: int, why: str | None) -> None:
            path = printable(str((folder / name).relative_to(self.source)))
            if path in self._told:
                return
            self._told.add(path)
            if why:
                said = f"photographs, for {why}; 'archivecolor video' makes a film of them"
            else:
                said = "one film, for neighbors show the same thing; --no-sequences takes them for photographs"
            self.listener.message(INFO, f"{path}: {count} numbered pictures are {said}")

        return reels(folder, names, tell) if self.looks else scans(folder, names)
