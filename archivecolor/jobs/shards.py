"""Shares of a folder for many processes, on one machine or many, that write into one OUT without talking to each other.

A shard's share are the items whose names' digest, modulo the number of shards, is its own: the same on every machine,
at every time and for every order of files.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from archivecolor.errors import UsageError

AUTO: Final = "auto"
COUNT_VARIABLE: Final = "ARCHIVECOLOR_SHARDS"
MOST: Final = 100_000
"""Shards of a run."""
_EXAMPLE: Final = "give --shard 1/4 to 4/4, one to each of four runs"


@dataclass(frozen=True, slots=True)
class Shard:
    """One share of so many."""

    index: int
    """From 1."""
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST:
            raise UsageError(f"{self.count} shards are not 1 to {MOST}", hint=_EXAMPLE)
        if not 1 <= self.index <= self.count:
            raise UsageError(
                f"there is no shard {self.index} of {self.count}",
                hint=f"they are 1/{self.count} to {self.count}/{self.count}",
            )

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @property
    def name(self) -> str:
        """For names of files."""
        return f"{self.index}-of-{self.count}"

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str]) -> Self:
        """What ``--shard`` says: ``3/64``, or ``auto`` for what the scheduler says. Raises `UsageError`.

        A Slurm array: the task's place among SLURM_ARRAY_TASK_MIN, _MAX and _STEP, of SLURM_ARRAY_TASK_COUNT. A
        Kubernetes job: JOB_COMPLETION_INDEX, from 0, of ARCHIVECOLOR_SHARDS, for Kubernetes does not tell the number.
        """
        if text == AUTO:
            if "SLURM_ARRAY_TASK_ID" in environment:
                return cls._of_slurm(environment)
            if "JOB_COMPLETION_INDEX" in environment:
                if COUNT_VARIABLE not in environment:
                    raise UsageError(
                        "JOB_COMPLETION_INDEX says which shard this is, and nothing how many there are",
                        hint=f"set {COUNT_VARIABLE} to the job's number of completions",
                    )
                return cls(_number(environment, "JOB_COMPLETION_INDEX") + 1, _number(environment, COUNT_VARIABLE))
            raise UsageError(
                "--shard auto needs SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX, and neither is set", hint=_EXAMPLE
            )
        match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        if match is None:
            raise UsageError(f"'{text}' is no shard", hint=_EXAMPLE)
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def _of_slurm(cls, environment: Mapping[str, str]) -> Self:
        own, first, last, count = (_number(environment, f"SLURM_ARRAY_TASK_{x}") for x in ("ID", "MIN", "MAX", "COUNT"))
        step = max(1, _number(environment, "SLURM_ARRAY_TASK_STEP", 1))
        if last - first != (count - 1) * step or (own - first) % step:
            raise UsageError(
                f"the array's {count} tasks are not evenly from {first} to {last}, so that they are no shares",
                hint=f"submit it with --array=1-{count}, or {_EXAMPLE}",
            )
        return cls((own - first) // step + 1, count)

    def holds(self, name: str) -> bool:
        """Whether an item belongs to this share: those of one name, suffixes left out, stay together."""
        digest = hashlib.blake2b(os.fsencode(name), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.count == self.index - 1


def _number(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = environment.get(name, "" if default is None else str(default))
    if not re.fullmatch("[0-9]{1,9}", text):
        raise UsageError(f"{name} is '{text}', which is no number", hint=_EXAMPLE)
    return int(text)
