"""Claims: one holder at a time, the dead found out, on this machine and on others, and nobody robbed who lives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from archivecolor.jobs import claims
from archivecolor.jobs.claims import LostClaimError, Watched, standing, try_claim, wait_for_death, who

OTHER = """
import sys
from pathlib import Path
from archivecolor.jobs.claims import Watched, try_claim
held = try_claim(Path(sys.argv[1]), "film", Path("out"), Watched())
print("held", flush=True)
input()
"""


def elsewhere(path: Path) -> None:
    """Make a claim look like one of another machine."""
    said = json.loads(path.read_bytes())
    path.write_text(json.dumps({**said, "machine": "node7", "place": "another boot 1"}))


def test_of_many_who_try_at_once_one_gets_it(tmp_path: Path) -> None:
    got, start = [], threading.Barrier(16)

    def try_it() -> None:
        start.wait()
        got.append(try_claim(tmp_path, "film", tmp_path, Watched()))

    threads = [threading.Thread(target=try_it) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (held,) = filter(None, got)
    assert standing(tmp_path) == [held.path]
    assert standing(tmp_path, "another") == []
    held.release()
    held.release()
    assert standing(tmp_path) == []
    again = try_claim(tmp_path, "film", tmp_path, Watched())
    assert again
    again.release()


def test_a_process_of_this_machine_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout
    assert other.stdout.readline() == "held\n"
    (path,) = standing(tmp_path)
    assert try_claim(tmp_path, "film", tmp_path, Watched()) is None
    assert wait_for_death([path], Watched()) == [path]
    assert who(path).startswith(f"process {other.pid} on ")
    other.kill()
    other.communicate()
    taken = try_claim(tmp_path, "film", tmp_path, Watched())
    assert taken
    assert [p.name for p in standing(tmp_path)] == ["film.2"]
    taken.release()


@pytest.mark.parametrize("content", ["other machine", "torn", "empty"])
def test_a_holder_elsewhere_is_dead_when_nobody_saw_it_stir_for_long(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "DEAD_S", 0.3)
    monkeypatch.setattr(claims, "_LOOK_S", 0.02)
    died = try_claim(tmp_path, "film", tmp_path, Watched())
    assert died
    elsewhere(died.path)
    if content != "other machine":
        died.path.write_bytes(died.path.read_bytes()[: 20 if content == "torn" else 0])
    watched, began = Watched(), time.monotonic()
    assert try_claim(tmp_path, "film", tmp_path, watched) is None
    assert wait_for_death(standing(tmp_path), watched) == []
    assert time.monotonic() - began >= 0.3
    taken = try_claim(tmp_path, "film", tmp_path, watched)
    assert taken
    with pytest.raises(LostClaimError, match="another took over"):
        died.check()
    taken.check()
    taken.release()


def test_a_holder_elsewhere_that_stirs_lives_whatever_its_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "_LOOK_S", 0.02)
    held = try_claim(tmp_path, "film", tmp_path, Watched())
    assert held
    elsewhere(held.path)
    os.utime(held.path, (1, 1))  # its clock stands in 1970
    watched = Watched()
    assert watched.is_dead(held.path) is None
    held.check()
    assert wait_for_death([held.path], watched) == [held.path]
    assert try_claim(tmp_path, "film", tmp_path, watched) is None
    held.release()


def test_a_holder_touches_its_claim_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT_S", 0.02)
    held = try_claim(tmp_path, "film", tmp_path, Watched())
    assert held
    os.utime(held.path, (1, 1))
    until = time.monotonic() + 20
    while held.path.stat().st_mtime == 1 and time.monotonic() < until:
        time.sleep(0.01)
    assert held.path.stat().st_mtime > 1
    held.release()


def test_who_comes_between_is_not_robbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    died = try_claim(tmp_path, "film", tmp_path, Watched())
    assert died
    seen = claims._content

    def replaced(path: Path) -> bytes:
        content = seen(path)
        if path == died.path:  # the dead one's place is taken by a living one as soon as it was judged
            path.write_text("somebody new")
        return content

    monkeypatch.setattr(claims, "_content", replaced)
    monkeypatch.setattr(Watched, "is_dead", lambda *_: True)
    assert try_claim(tmp_path, "film", tmp_path, Watched()) is None
    assert [path.name for path in standing(tmp_path)] == ["film.1"]
    died.release()
