"""Every error that archivecolor raises on purpose, and the exit code that each one carries.

::

    ArchiveColorError
    |-- UnexpectedError       1   a bug that showed with one item; the others go on
    |-- UsageError            2   what was asked for makes no sense
    |-- InputError            3   a source cannot be read
    |-- DependencyError       4   an optional dependency or a device is missing
    |-- OutputError           5   the output is refused or cannot be written
    |-- EngineError           6   an engine failed to build, load, run or match
    |-- ItemsFailedError      7   the run finished, some of its items failed
    |-- VerificationError     8   a verification or a quality gate failed
    |-- ConfigurationError    9   a configuration file is wrong
    `-- NotProvableError     10   nothing is wrong, but not everything can be proved

Exit codes are public API: 0 is success, 1 a bug, 130 and 143 an interruption. `Stopped` is not an error.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import ClassVar, Final

_PACKAGE: Final = Path(__file__).parent


class ArchiveColorError(Exception):
    """Base class. The message says what happened to which path; ``hint`` what to do about it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(ArchiveColorError):
    """What was asked for makes no sense."""

    exit_code = 2


class InputError(ArchiveColorError):
    """A source cannot be read."""

    exit_code = 3


class DependencyError(ArchiveColorError):
    """An optional dependency or a device is missing."""

    exit_code = 4


class OutputError(ArchiveColorError):
    """The output is refused or cannot be written."""

    exit_code = 5


class EngineError(ArchiveColorError):
    """An engine failed to build, load, run or match."""

    exit_code = 6


class ItemsFailedError(ArchiveColorError):
    """The run finished, but some of its items failed."""

    exit_code = 7


class VerificationError(ArchiveColorError):
    """A verification or a quality gate failed."""

    exit_code = 8


class NotProvableError(ArchiveColorError):
    """A verification found nothing wrong, but could not prove everything."""

    exit_code = 10


class ConfigurationError(ArchiveColorError):
    """A configuration file is wrong."""

    exit_code = 9


class UnexpectedError(ArchiveColorError):
    """A fault of archivecolor's own that showed with one item. Says of what kind it is and where it was met."""

    @classmethod
    def of(cls, error: Exception) -> UnexpectedError:
        """Of what was raised."""
        met = [step for step in traceback.extract_tb(error.__traceback__) if _PACKAGE in Path(step.filename).parents]
        where = f", at {Path(met[-1].filename).relative_to(_PACKAGE).as_posix()}:{met[-1].lineno}" if met else ""
        hint = "please report this line; --log-file keeps all that is known"
        return cls(f"unexpected {type(error).__name__}: {error}{where}", hint=hint)


class Stopped(Exception):
    """The run was asked to end, and did; what is finished is kept, and the same call continues from there."""
