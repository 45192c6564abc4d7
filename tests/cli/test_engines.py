"""``archivecolor engines``: what is installed, for people and for programs."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_the_generator_that_ships_is_listed(run: Run) -> None:
    done = run("engines")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0].split()[0] == "name"
    assert any(line.split()[0] == "archive" for line in done.out.splitlines()[1:])


def test_json_has_one_record_for_each(run: Run) -> None:
    done = run("engines", "--json")
    assert (done.code, done.err) == (0, "")
    (archive,) = [r for r in done.records if r["name"] == "archive"]
    assert Path(archive["path"], "engine.toml").is_file()
    assert archive["short_px"] > 0
    assert archive["summary"]
