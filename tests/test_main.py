"""`archivecolor.__main__` and the errors it turns into exit codes: they are public, so every one is held here."""

from __future__ import annotations

import sys
from typing import NoReturn

import pytest

from archivecolor import errors
from archivecolor.__main__ import main
from archivecolor.cli import app as app_module
from archivecolor.errors import ArchiveColorError

CODES = {
    "ArchiveColorError": 1,
    "UsageError": 2,
    "InputError": 3,
    "DependencyError": 4,
    "OutputError": 5,
    "EngineError": 6,
    "ItemsFailedError": 7,
    "VerificationError": 8,
    "ConfigurationError": 9,
    "NotProvableError": 10,
    "UnexpectedError": 1,
}


def every_error() -> dict[str, type[ArchiveColorError]]:
    found = vars(errors).items()
    return {name: e for name, e in found if isinstance(e, type) and issubclass(e, ArchiveColorError)}


def test_exit_codes_are_what_they_always_were() -> None:
    assert {name: e.exit_code for name, e in every_error().items()} == CODES


def test_the_tree_in_the_docstring_lists_every_error_with_its_code() -> None:
    assert errors.__doc__
    for name, code in CODES.items():
        if code > 1:
            assert f"-- {name}".ljust(24) in errors.__doc__
            assert any(f"{name} " in line and f" {code} " in line for line in errors.__doc__.splitlines())


def exit_code_of(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> object:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(app_module, "app", fail)
    monkeypatch.setattr(sys, "argv", ["archivecolor"])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


@pytest.mark.parametrize("name", CODES)
def test_an_error_ends_the_program_with_its_code_and_two_lines(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = every_error()[name]("a.jpg: is wrong", hint="mend it")
    assert exit_code_of(error, monkeypatch) == CODES[name]
    out, err = capsys.readouterr()
    assert (out, err) == ("", "archivecolor: a.jpg: is wrong\n  hint: mend it\n")


def test_an_interruption_that_nobody_caught_ends_it_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(KeyboardInterrupt(), monkeypatch) == 130
    assert capsys.readouterr() == ("", "")


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise ZeroDivisionError

    monkeypatch.setattr(app_module, "app", fail)
    with pytest.raises(ZeroDivisionError):
        main()


def test_an_error_says_its_hint_in_brackets() -> None:
    assert str(ArchiveColorError("a.jpg: is wrong", hint="mend it")) == "a.jpg: is wrong (mend it)"
    assert str(ArchiveColorError("a.jpg: is wrong")) == "a.jpg: is wrong"
