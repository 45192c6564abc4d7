"""``archivecolor folder`` over an archive that people work on between the runs, whatever they do to it."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.cli.conftest import Run, tree, write

NAMES = ("a.png", "b.jpg", "sub/c.tif", "sub/d.bmp", "e.webp")
SETTINGS = ((), ("--strength", "0.5"), ("--quality", "70"))


class People:
    """Does things to sources and results, and remembers which results are nobody's to replace."""

    def __init__(self, source: Path, out: Path, seed: int) -> None:
        self.source, self.out = source, out
        self.chance = random.Random(seed)
        self.theirs: dict[str, bytes] = {}
        self.did: list[str] = []

    def do_something(self) -> None:
        name = self.chance.choice(NAMES)
        action = self.chance.choice(
            [self.rescan, self.touch, self.touch_result, self.lose, self.retouch, self.withdraw]
        )
        self.did.append(f"{action.__name__} {name}")
        action(name)

    def rescan(self, name: str) -> None:
        """The same source, with another picture."""
        write(self.source / name, seed=self.chance.randrange(1000))

    def touch(self, name: str) -> None:
        """Another time, the same content: a restored backup."""
        if (self.source / name).exists():
            os.utime(self.source / name, ns=(0, self.chance.randrange(1 << 60)))

    def touch_result(self, name: str) -> None:
        if (self.out / name).exists():
            os.utime(self.out / name, ns=(0, self.chance.randrange(1 << 60)))

    def lose(self, name: str) -> None:
        """A result is deleted: it is to be made again."""
        (self.out / name).unlink(missing_ok=True)
        self.theirs.pop(name, None)

    def retouch(self, name: str) -> None:
        """A result becomes the work of a person, be there one already or not."""
        self.theirs[name] = b"retouched %d" % self.chance.randrange(1000)
        (self.out / name).parent.mkdir(parents=True, exist_ok=True)
        (self.out / name).write_bytes(self.theirs[name])

    def withdraw(self, name: str) -> None:
        """A source is taken away: its result stays."""
        (self.source / name).unlink(missing_ok=True)


@pytest.mark.parametrize("seed", range(8))
def test_results_are_those_of_a_fresh_run_and_what_people_made_is_theirs(seed: int, run: Run, tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    for i, name in enumerate(NAMES):
        write(source / name, seed=i)
    people = People(source, out, seed)
    for _ in range(5):
        settings = people.chance.choice(SETTINGS)
        for _ in range(people.chance.randrange(4)):
            people.do_something()
        people.did.append(f"run {settings}")
        assert run("folder", source, out, *settings).code == 0, people.did
        results = tree(out)
        assert people.theirs.items() <= results.items(), people.did
        again = run("folder", source, out, *settings)
        assert "0 colored" in again.err, people.did
        assert tree(out) == results, people.did
    run("folder", source, tmp_path / "fresh", *settings)
    fresh = {name: made for name, made in tree(tmp_path / "fresh").items() if name not in people.theirs}
    assert fresh.items() <= results.items(), people.did
