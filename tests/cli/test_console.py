"""`cli.console`: one line a file whatever its name, figures for people, nothing that cannot be written."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.cli import console
from archivecolor.cli.console import complain, table
from archivecolor.errors import ArchiveColorError, UsageError
from archivecolor.text import duration, printable


@given(st.text(st.characters(), max_size=30))
def test_printable_text_is_one_line_of_characters_that_can_be_seen(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")
    if text.isprintable():
        assert shown == text


def test_bytes_of_no_encoding_are_shown_as_escapes() -> None:
    assert printable(Path(os.fsdecode(b"caf\xe9\n.jpg"))) == r"caf\udce9\n.jpg"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (61, "1 min 01 s"),
        (3599.6, "1 h 00 min"),
        (3661, "1 h 01 min"),
        (360_000, "100 h 00 min"),
    ],
)
def test_durations_are_told_in_two_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_table_is_aligned_and_has_no_trailing_blanks() -> None:
    text = table([("a", "long reason"), ("a long name", "b")], ("failed", "why"))
    assert text.splitlines() == ["failed       why", "a            long reason", "a long name  b"]


def test_a_table_of_nothing_is_its_header() -> None:
    assert table([], ("failed", "why")) == "failed  why"


def test_a_complaint_is_a_line_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    complain(UsageError("a\nb: is wrong", hint="do\nthis"))
    assert capsys.readouterr().err == "archivecolor: a\\nb: is wrong\n  hint: do\\nthis\n"
    complain(ArchiveColorError("no hint"))
    assert capsys.readouterr().err == "archivecolor: no hint\n"


def test_json_holds_any_text_in_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsdecode(b"\xe9") + "🖼\n"
    console.emit({"source": name, "path": Path("a")})
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("\n") == 1
    assert json.loads(out) == {"source": name, "path": "a"}


def test_text_that_stdout_has_no_letters_for_is_written_as_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    console.write_out("Straße 🖼")
    assert raw.getvalue() == rb"Stra\xdfe \U0001f5bc" + b"\n"


def test_a_log_that_cannot_be_written_to_stderr_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    console.set_up_logging(quiet=False, verbose=False, log_file=None)
    monkeypatch.setattr("logging.raiseExceptions", False)
    monkeypatch.setattr(sys, "stderr", Gone())
    console.log.info("nobody hears this")
    monkeypatch.undo()
    console.log.info("somebody hears this")
    assert "somebody hears this" in capsys.readouterr().err
