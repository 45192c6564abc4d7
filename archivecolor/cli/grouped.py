"""Warnings by kind: how many files each is about, and some of their names. ``--verbose`` has a line for each file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_NUMBER: Final = re.compile(r"\d[\d.,:]*%?")
_TIME: Final = re.compile(r"^at [\d:.]+: ")
_MOST_KINDS: Final = 200
_MOST_PARTS: Final = 500
_NAMES: Final = 2
_PARTS_TOLD: Final = 6


@dataclass(slots=True)
class _Kind:
    first: str
    """The first warning, word for word."""
    count: int = 0
    is_one: bool = True
    """Whether all of them read the same."""
    names: list[str] = field(default_factory=list)
    parts: Counter[str] = field(default_factory=Counter)
    """What the warnings list behind a colon."""


class Grouped:
    """Collects warnings. Its memory does not grow with their number."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def add(self, name: str, warning: str) -> None:
        """One more, about the file of that name."""
        warning = _TIME.sub("", warning)
        head, colon, rest = warning.partition(": ")
        key = _NUMBER.sub("…", head if colon else warning)
        if key not in self._kinds and len(self._kinds) >= _MOST_KINDS:
            key = "further warnings"
        kind = self._kinds.setdefault(key, _Kind(warning))
        kind.count += 1
        kind.is_one = kind.is_one and kind.first == warning
        if len(kind.names) < _NAMES and name not in kind.names:
            kind.names.append(name)
        if colon and len(kind.parts) < _MOST_PARTS:
            kind.parts.update(rest.split(", "))

    def lines(self) -> Iterator[str]:
        """One of each kind, the most frequent first."""
        for key, kind in sorted(self._kinds.items(), key=lambda item: -item[1].count):
            what = kind.first
            if not kind.is_one:
                parts = [f"{part} ({n})" if n > 1 else part for part, n in kind.parts.most_common(_PARTS_TOLD)]
                parts += ["..."] if len(kind.parts) > _PARTS_TOLD else []
                what = f"{key}: {', '.join(parts)}" if parts else key
            more = f" and {kind.count - len(kind.names)} more" if kind.count > len(kind.names) else ""
            yield f"{kind.count} x {what} [{', '.join(kind.names)}{more}]"
