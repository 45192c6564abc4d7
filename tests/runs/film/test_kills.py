from __future__ import annotations

from pathlib import Path

from tests.runs.film.kills import campaign


def test_a_film_survives_being_killed_at_any_moment(tmp_path: Path) -> None:
    """A sample; ``python -m tests.runs.film.kills`` kills as often as is wanted."""
    assert campaign(tmp_path, kills=2, seed=4, shots=3)["kills"] == 2
