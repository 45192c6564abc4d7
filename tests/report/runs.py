"""Folders of results as a run leaves them, with a journal, made without coloring anything."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from archivecolor.jobs.journal import EngineUsed, Entry, Journal, Kind, RunRecord, Status, confidence_path

ENGINE = EngineUsed("archive", "0" * 64, "onnx on CPU")

HOSTILE = (
    "<script>document.title='taken'<!--.png",
    "\"'><img src=x onerror=document.title='taken'>.png",
    "50%25 #1?a=b&c;d.png",
    "@data@ @script@ ${x} {{y}}.png",
    "\u202egnp.exe \u2028\x07.png",
    os.fsdecode(b"bytes \xff\xfe \xc3.png"),
    "smile \U0001f600\U00010480.png",
    " leading and trailing .png ",
)
TWO_LINES = "two\nlines.png"


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (96, 64)) -> Path:
    """A colored picture, another for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    hue = np.stack([(np.sin(6 * x + seed + k) + np.cos(5 * y - k)) / 4 + 0.5 for k in range(3)], axis=2)
    suffix = path.suffix if path.suffix in (".jpg", ".tif") else ".png"
    Image.fromarray((255 * hue).astype(np.uint8)).save(path, format=Image.registered_extensions()[suffix])
    return path


def write_map(out: Path, result: str) -> None:
    """A confidence map: sure at the left, guessing at the right."""
    path = confidence_path(out, out / result)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.tile(np.linspace(255, 0, 24).astype(np.uint8), (16, 1))).save(path)


def colored(
    source: str, *, confidence: float | None = None, warnings: tuple[str, ...] = (), kind: Kind = Kind.STILL
) -> Entry:
    """An item that was colored into a file of its own name."""
    return Entry(source, kind, Status.COLORED, 1, "s", "", 0.4, result=source, confidence=confidence, warnings=warnings)


def failed(source: str, error: str, hint: str | None = None) -> Entry:
    """An item that came to nothing."""
    return Entry(source, Kind.STILL, Status.FAILED, 1, "s", "", 0.1, error=error, hint=hint)


def skipped(source: str, why: str) -> Entry:
    """An item that was left as it was."""
    return Entry(source, Kind.STILL, Status.SKIPPED, 1, "s", "", 0.1, warnings=(why,))


def write_journal(out: Path, *entries: Entry, generator: str = ENGINE.generator) -> None:
    """Append a run of these entries."""
    with Journal(out) as journal:
        journal.add_run(RunRecord(1, "2026-01-02T03:04:05Z", "0", replace(ENGINE, generator=generator)))
        for entry in entries:
            journal.add(entry, wait=False)


def run_of(out: Path) -> Path:
    """A run of everything: folders, warnings, failures, films aside, hostile names."""
    entries = []
    for i in range(12):
        name = f"{('docks', 'docks/plates', 'people')[i % 3]}/{i:02d}.{('jpg', 'png', 'tif')[i % 3]}"
        picture(out / name, i, (96, 64) if i % 2 else (64, 96))
        warned = ("16 bit reduced to 8 for jpeg",) if i in (3, 5) else ()
        entries.append(colored(name, confidence=round(0.1 + i * 0.07, 2), warnings=warned))
    write_map(out, "docks/00.jpg")
    entries.append(failed("docks/torn.jpg", "/scans/docks/torn.jpg: is damaged: ends early", "scan it again"))
    entries.append(failed("people/empty.png", "/scans/people/empty.png: is empty", "restore it from a copy"))
    entries.append(skipped("people/painted.jpg", "is in color already"))
    picture(out / "people/poster.jpg", 30)
    entries.append(replace(skipped("people/poster.jpg", "is in color already"), result="people/poster.jpg"))
    for i, name in enumerate((*HOSTILE, TWO_LINES)):
        picture(out / name, 20 + i)
        entries.append(colored(name, warnings=("</script><script>document.title='taken'</script>",) if i == 0 else ()))
    write_journal(out, *entries)
    return out
