"""Runs the command line; the one place where errors become exit codes."""

from __future__ import annotations

import sys

from archivecolor.errors import ArchiveColorError

_INTERRUPTED = 130


def main() -> None:
    """Entry point of the ``archivecolor`` command."""
    from archivecolor.cli.app import app
    from archivecolor.cli.console import complain
    from archivecolor.resources import limit_arenas

    limit_arenas()
    try:
        app(prog_name="archivecolor")
    except ArchiveColorError as e:
        complain(e)
        sys.exit(e.exit_code)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
