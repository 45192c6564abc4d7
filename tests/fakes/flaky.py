"""A proxy on loopback that passes requests on to a server, and does to some of them what networks and stores do."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

Fault = Callable[[str, str], str | None]
"""Of a method and a path: 'slow', '503', '403', 'drop' before it is passed on, 'cut' in the middle, or None."""
SLOW_S: Final = 0.3


class FlakyProxy:
    """Passes requests on to ``host``:``port``, but for what ``fault`` says of them."""

    def __init__(self, host: str, port: int) -> None:
        self.fault: Fault = lambda _method, _path: None
        self.asked: list[tuple[str, str]] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                return

            def _pass_on(self) -> None:
                proxy.asked.append((self.command, self.path))
                fault = proxy.fault(self.command, self.path)
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length // 2 if fault == "cut" else length)
                if fault in ("drop", "cut"):
                    self.close_connection = True
                    return
                if fault in ("503", "403"):
                    code = {"503": "SlowDown", "403": "AccessDenied"}[fault]
                    content = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
                    self._answer(int(fault), {"Content-Type": "application/xml"}, content)
                    return
                if fault == "slow":
                    time.sleep(SLOW_S)
                passed = http.client.HTTPConnection(host, port, timeout=30)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                passed.request(self.command, self.path, body, headers)
                answer = passed.getresponse()
                self._answer(answer.status, dict(answer.getheaders()), answer.read())
                passed.close()

            def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length", "server", "date"):
                        self.send_header(name, value)
                size = headers.get("Content-Length", str(len(content))) if self.command == "HEAD" else str(len(content))
                self.send_header("Content-Length", size)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _pass_on  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
