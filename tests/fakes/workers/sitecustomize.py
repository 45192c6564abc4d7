"""Has Python, where this folder is on its path, give every run an engine that needs no weights, and may be moody.

For the workers of a cluster, whose processes no test starts itself. ``ARCHIVECOLOR_TEST_WORKER`` says in JSON what
they get: ``seconds`` for each picture, ``version``, if archivecolor is to be another one, ``segment_s``, what a
segment of a film has at most, and ``machine``, what theirs is called.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import platform
import sys
from collections.abc import Sequence
from types import ModuleType

_WANTED = json.loads(os.environ.get("ARCHIVECOLOR_TEST_WORKER", "{}"))

_CHANGED = ("archivecolor.version", "archivecolor.inference.select", "archivecolor.film.segments")


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads some modules as they are, and then changes them."""

    def __init__(self) -> None:
        self._loaders: dict[str, importlib.abc.Loader] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in _CHANGED or name in self._loaders:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        self._loaders[name], spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loaders[spec.name].create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loaders[module.__name__].exec_module(module)
        if module.__name__ == "archivecolor.version":
            module.__version__ = _WANTED.get("version", module.__version__)  # type: ignore[attr-defined]
            return
        if module.__name__ == "archivecolor.film.segments":
            module.LONGEST_S = _WANTED.get("segment_s", module.LONGEST_S)  # type: ignore[attr-defined]
            return
        from tests.fakes.moody import MoodyEngine

        module.open_engine = lambda *_, **__: MoodyEngine(_WANTED.get("seconds", 0.0))  # type: ignore[attr-defined]


if "machine" in _WANTED:
    platform.node = lambda: str(_WANTED["machine"])
if _WANTED:
    sys.meta_path.insert(0, _Changed())
