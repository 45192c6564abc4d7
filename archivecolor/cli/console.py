"""Talking to people on stderr and to programs on stdout."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from archivecolor.errors import ArchiveColorError, OutputError
from archivecolor.text import printable

log = logging.getLogger("archivecolor")


def complain(error: ArchiveColorError) -> None:
    """One line on stderr that says what is wrong, and one that says what to do."""
    sys.stderr.write(f"archivecolor: {printable(error.message)}\n")
    if error.hint:
        sys.stderr.write(f"  hint: {printable(error.hint)}\n")


def clear_line() -> None:
    """Take away the live line of a terminal."""
    sys.stderr.write("\r\x1b[K")
    sys.stderr.flush()


def show_line(line: str, *, live: bool) -> None:
    """Put a line in the place of the live one, or below the last one where nothing is live."""
    sys.stderr.write(f"\r\x1b[K{line}" if live else f"{line}\n")
    sys.stderr.flush()


def emit(record: Mapping[str, object]) -> None:
    """One JSON object on one line of stdout."""
    write_out(json.dumps(record, default=str))


def write_out(text: str) -> None:
    """Plain text on stdout; raises `OutputError` when nothing reads it any more."""
    coding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(coding, "backslashreplace").decode(coding) + "\n")
        sys.stdout.flush()
    except BrokenPipeError as e:
        # What is left in the buffer would fail again when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputError("nothing reads the output any more", hint="the same command continues from here") from e


def set_up_logging(*, quiet: bool, verbose: bool, log_file: Path | None) -> None:
    """Send the package's messages to stderr, and to ``log_file`` with the time of each."""
    log.setLevel(
        logging.DEBUG if verbose or log_file else logging.INFO
    )  # messages that nobody sees would cost, a million times
    log.propagate = False
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    people = _StderrHandler()
    people.setLevel(logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO)
    people.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(people)
    # Of damaged EXIF, among others; our own warnings name the picture
    warnings.filterwarnings("ignore", module=r"PIL\.")
    if log_file:
        try:
            kept = logging.FileHandler(log_file, encoding="utf-8", errors="backslashreplace")
        except OSError as e:
            reason = f"{log_file}: cannot be written: {e.strerror}"
            raise OutputError(reason, hint="give --log-file another place") from e
        kept.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(kept)


class _StderrHandler(logging.Handler):
    """Writes to the current stderr: a live bar replaces it, to stay below the messages."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message."""
        try:
            sys.stderr.write(self.format(record) + "\n")
        except OSError:
            self.handleError(record)


def table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> str:
    """Left-aligned columns under a header, for stderr and stdout alike."""
    widths = [max(len(r[i]) for r in [header, *rows]) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in [header, *rows]]
    return "\n".join(lines)
