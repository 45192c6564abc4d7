"""The server: one thread, one port of 127.0.0.1 that the system gives, one token that nobody can guess."""

from __future__ import annotations

import html
import logging
import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from archivecolor.errors import OutputError
from archivecolor.review.guard import HOST, Guard

log: Final = logging.getLogger(__name__)
_MOST_AT_ONCE: Final = 200
"""Connections and requests; a page takes seven."""
_LONGEST_HEAD: Final = 64 << 10
_GRACE_S: Final = 3
_START_S: Final = 30.0


class Server:
    """Serves one application behind a `Guard`."""

    def __init__(self, app: ASGIApp) -> None:
        """Take a port. Raises `OutputError` where there is none."""
        try:
            self._socket = socket.create_server((HOST, 0), family=socket.AF_INET, backlog=128)
        except OSError as e:
            raise OutputError(
                f"{HOST}: cannot be listened on: {e.strerror}", hint="archivecolor report needs no port"
            ) from e
        self.port: int = self._socket.getsockname()[1]
        self._token = secrets.token_urlsafe(32)
        config = uvicorn.Config(
            Guard(app, self._token, self.port),
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_MOST_AT_ONCE,
            timeout_graceful_shutdown=_GRACE_S,
            h11_max_incomplete_event_size=_LONGEST_HEAD,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="server", daemon=True)
        _tell_without(self._token)

    @property
    def url(self) -> str:
        """The page's address, which is the only key to it."""
        return f"http://{HOST}:{self.port}/{self._token}/"

    def start(self) -> None:
        """Answer from now on. Raises `OutputError` where it does not come up."""
        self._thread.start()
        until = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise OutputError(f"{HOST}:{self.port}: the server does not start", hint="--log-file says why")
            time.sleep(0.005)

    def stop(self) -> None:
        """Answer no more; what is being answered is finished, for a while."""
        self._server.should_exit = True
        if self._thread.ident:
            self._thread.join(2 * _GRACE_S)
        self._socket.close()


class Door:
    """A file that leads a browser to the page: on a command line every user of the machine would read the address."""

    def __init__(self, folder: Path, url: str) -> None:
        """Write it, for this user's eyes alone. Raises `OutputError`."""
        self.path = folder / f"open-{secrets.token_hex(8)}.html"
        address = html.escape(url, quote=True)
        text = (
            '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
            f'<meta http-equiv="refresh" content="0;url={address}"><title>archivecolor review</title>'
            f'<p><a href="{address}" rel="noreferrer">To the review page</a></p>\n'
        )
        try:
            with os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
        except OSError as e:
            raise OutputError(f"{self.path}: cannot be written: {e.strerror}") from e

    def close(self) -> None:
        """Take it away."""
        with suppress(OSError):
            self.path.unlink()


def _tell_without(token: str) -> None:
    """Send what the server has to say to our own log, and the token to none."""

    class Relay(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            level = logging.ERROR if record.levelno >= logging.ERROR else logging.DEBUG  # of strangers' requests
            log.log(level, "%s", self.format(record).replace(token, "TOKEN"))

    told = logging.getLogger("uvicorn")
    told.propagate = False
    told.setLevel(logging.WARNING)
    told.handlers = [Relay()]
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
