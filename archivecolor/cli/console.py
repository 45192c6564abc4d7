"""Talking to people on stderr and to programs on stdout."""

from __future__ import annotations

import json
import logging
import os
import sys
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

from archivecolor.errors import ArchiveColorError, OutputError
from archivecolor.text import printable

log = logging.getLogger("archivecolor")

_DETAIL: Final = {"archivecolor_detail": True}
_NARROWEST: Final = 40
_CLEAR: Final = "\r\x1b[K"


class _Live:
    """Whether the last line is a live one, which the next one is written over."""

    there = False


def complain(error: ArchiveColorError) -> None:
    """One line on stderr that says what is wrong, and one that says what to do."""
    sys.stderr.write(f"{wrapped(f'archivecolor: {printable(error.message)}')}\n")
    if error.hint:
        sys.stderr.write(f"{wrapped(f'  hint: {printable(error.hint)}')}\n")


def detail(level: int, text: str, *arguments: object) -> None:
    """A message for the log file, and for people who asked for all of them with ``--verbose``."""
    log.log(level, text, *arguments, extra=_DETAIL)


def width(stream: TextIO | None = None) -> int | None:
    """Columns of the terminal that stderr is, or another stream; None where it is none."""
    stream = stream or sys.stderr
    try:
        columns = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else None
        return columns and max(_NARROWEST, columns)  # some terminals do not say
    except (OSError, ValueError):
        return None


def wrapped(text: str, stream: TextIO | None = None) -> str:
    """Text that breaks between words at the terminal's width; as it is where there is no terminal."""
    columns = width(stream)
    if not columns:
        return text
    lines = (
        textwrap.wrap(line, columns, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False) or [""]
        for line in text.splitlines()
    )
    return "\n".join(line for parts in lines for line in parts)


def clear_line() -> None:
    """Take away the live line of a terminal."""
    _Live.there = False
    sys.stderr.write(_CLEAR)
    sys.stderr.flush()


def show_line(line: str, *, live: bool) -> None:
    """Put a line in the place of the live one, or below the last one where nothing is live."""
    columns, _Live.there = width(), live
    sys.stderr.write(f"{_CLEAR}{line[: columns - 1] if columns else line}" if live else f"{line}\n")
    sys.stderr.flush()


def emit(record: Mapping[str, object]) -> None:
    """One JSON object on one line of stdout."""
    _write_out(json.dumps(record, default=str))


def write_out(text: str) -> None:
    """Plain text on stdout; raises `OutputError` when nothing reads it any more."""
    _write_out(wrapped(text, sys.stdout))


def _write_out(text: str) -> None:
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
    if not verbose:
        people.addFilter(lambda record: not hasattr(record, "archivecolor_detail"))
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
            sys.stderr.write(f"{_CLEAR if _Live.there else ''}{wrapped(self.format(record))}\n")
            _Live.there = False
        except OSError:
            self.handleError(record)


def table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> str:
    """Left-aligned columns under a header, for stderr and stdout alike."""
    widths = [max(len(r[i]) for r in [header, *rows]) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in [header, *rows]]
    return "\n".join(lines)
