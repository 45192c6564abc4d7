"""How this archivecolor was installed, so that advice to install more of it is a line that works here."""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname


def install_line(extra: str) -> str:
    """The ``pip`` line that adds an extra to this installation."""
    return f"pip install {_what().format(extra=extra)}"


@cache
def _what() -> str:
    """What ``pip`` is to install: the name on PyPI, or the folder that it was installed from (PEP 610)."""
    try:
        origin = json.loads(distribution("archivecolor").read_text("direct_url.json") or "{}")
        url = urlsplit(origin.get("url", ""))
        folder = Path(url2pathname(unquote(url.path))) if url.scheme == "file" else None
    except (PackageNotFoundError, ValueError, AttributeError):
        return "'archivecolor[{extra}]'"
    if folder is None or not folder.is_dir():
        return "'archivecolor[{extra}]'"
    return f"{'-e ' if origin.get('dir_info', {}).get('editable') else ''}'{folder}[{{extra}}]'"
