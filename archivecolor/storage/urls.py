"""Names of places in stores: ``s3://bucket/scans``. Secrets have no place in them, and never reach a message."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from archivecolor.errors import UsageError

EXTRAS: Final = {"s3": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "memory": "store"}
"""The schemes of stores on which an object is visible whole or not at all, and the extra that each needs."""
_GCLOUD, _AZCOPY = "gcloud storage cp -r URL FOLDER", "azcopy copy URL FOLDER --recursive"
COPIERS: Final = {
    "s3": "aws s3 sync URL FOLDER",
    "gs": _GCLOUD,
    "gcs": _GCLOUD,
    "az": _AZCOPY,
    "abfs": _AZCOPY,
    "memory": "with fsspec",
}
"""What copies from a store to a disk."""
_SECRET: Final = re.compile(r"(?i)(secret|token|password|_key$|key_id$|connection_string)")
_SHORTEST_SECRET: Final = 8


@dataclass(frozen=True, slots=True)
class StoreURL:
    """A folder, or an object, in a store."""

    scheme: str
    path: str
    """Bucket and key, without slashes at either end."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.path}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL. Raises `UsageError`, which says nothing that might be secret."""
        scheme, _, rest = text.partition("://")
        shown = scrubbed(text)
        if scheme.lower() not in EXTRAS:
            known = ", ".join(f"{name}://" for name in (*EXTRAS, "file"))
            raise UsageError(f"{shown}: no store that is known", hint=f"known are {known}")
        if "@" in rest.partition("/")[0] or "?" in rest:
            raise UsageError(
                f"{shown}: a URL is no place for a password, a key or a signature",
                hint="give them as the store's own tools take them, as in AWS_ACCESS_KEY_ID or ~/.aws",
            )
        path = rest.strip("/")
        if not path or any(part in ("", ".", "..") for part in path.split("/")):
            raise UsageError(f"{shown}: names no place in a store", hint="give a bucket, as s3://bucket/folder")
        return cls(scheme.lower(), path)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    def holds(self, other: StoreURL) -> bool:
        """Whether another place is this one or below it."""
        return EXTRAS[self.scheme] == EXTRAS[other.scheme] and f"{other.path}/".startswith(f"{self.path}/")


def placed(name: str | Path | StoreURL) -> Path | StoreURL:
    """What the user named: a path, be it as ``file://``, or a place in a store. Raises `UsageError`."""
    if not isinstance(name, str):
        return name
    text = name
    if "://" not in text:
        return Path(text)
    if text.lower().startswith("file://"):
        parts = urlsplit(text)
        if parts.netloc not in ("", "localhost"):
            raise UsageError(f"{scrubbed(text)}: is a file of another machine", hint="give file:///path")
        return Path(url2pathname(unquote(parts.path)))
    return StoreURL.parse(text)


def scrubbed(text: str) -> str:
    """A message without what may be secret: passwords and queries of URLs, and the secrets in the environment."""
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST_SECRET and _SECRET.search(name):
            text = text.replace(value, "***")
    text = re.sub(r"//[^/@\s]+@", "//", text)
    return re.sub(r"([a-zA-Z0-9+]+://[^\s?'\"<>]*)\?[^\s'\"<>]*", r"\1", text)
