"""What keeps a machine from working for a run, as its worker sees it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from archivecolor.inference import catalog
from archivecolor.runs.settings import FolderSettings, absolute
from archivecolor.settings import ColorSettings
from archivecolor.version import __version__
from tests.needs import needs_ray

pytestmark = needs_ray


def test_a_worker_says_what_its_machine_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from archivecolor.runs.cluster import worker

    found = catalog.find("archive")
    source, out = tmp_path / "in", tmp_path / "out"
    for folder in (source, out):
        folder.mkdir()
    sign = out / "sign"
    sign.touch()
    weights = found.digests[catalog.WEIGHTS]
    seen = worker.Seen(__version__, "archive", weights, (str(source), str(out)), (str(sign),), (str(source), str(out)))
    assert worker.lacks(seen) is None
    assert worker.lacks(replace(seen, version="0.0.1")) == f"has archivecolor {__version__}, not 0.0.1"
    assert worker.lacks(replace(seen, weights_sha256="0" * 64)) == (
        "has another generator 'archive': its weights are not the same"
    )
    lacking = worker.lacks(replace(seen, generator="sepia"))
    assert lacking is not None
    assert lacking.startswith("lacks the generator: there is no generator 'sepia'")
    sign.unlink()
    assert worker.lacks(seen) == f"does not see {sign}"
    sign.touch()
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda path, mode: str(path) != str(out))
        assert worker.lacks(seen) == f"cannot write to {out}"
    source.rmdir()
    assert worker.lacks(seen) == f"does not see {source}"


def test_a_generator_by_name_stays_one_beside_a_folder_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "archive").mkdir()
    settings = FolderSettings(color=ColorSettings(references=(Path("a.jpg"),), hints=Path("hints")))
    assert absolute(settings).generator == "archive"
    assert absolute(settings).color.references == (tmp_path / "a.jpg",)
    assert absolute(settings).color.hints == tmp_path / "hints"
    own = tmp_path / "mine"
    shutil.copytree(catalog.find("archive").path, own)
    assert absolute(replace(settings, generator="mine")).generator == str(own)
