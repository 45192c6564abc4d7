"""Who may ask: the page that this server gave out, and nobody else.

The server listens on 127.0.0.1, which other programs, other users and every website that the browser shows can reach
as well. So each request has to

* name this very host and port, which a website whose name was bound to 127.0.0.1 does not;
* come from this origin, where a browser says where it comes from, and say so where it changes anything;
* begin its path with the token, which only the address that was told to the user holds;
* be of a size, and come in a time, that the page needs.

The token lies in the path, not in a cookie: cookies of 127.0.0.1 go to the servers on all its ports. It leaves the page
by no referrer, and stands in no log.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST: Final = "127.0.0.1"
LARGEST_BODY: Final = 64 << 20
"""Bytes; a layer of 40 megapixels takes less."""
BODY_S: Final = 20.0
"""For all of a body to come, over the loopback."""
_DRAINED: Final = 1 << 20
_DRAINED_S: Final = 0.5
"""Of a body that is refused, so much is read, and so long."""
_LONGEST_PATH: Final = 16 << 10
_READS: Final = frozenset({"GET", "HEAD"})
_CHANGES: Final = {"POST": b"application/json", "PUT": b"image/png"}
"""Methods that change something, and what they bring: neither can be sent from elsewhere without asking first."""
_SAME: Final = frozenset({b"same-origin", b"none"})
_FILE_POLICY: Final = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""For pictures and films that are opened by themselves: browsers put a page around them."""
_HEADERS: Final = {
    b"content-security-policy": _FILE_POLICY.encode(),
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), usb=()",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"cache-control": b"no-store",
}
"""Of every response that does not say otherwise."""


class Refusal(Exception):
    """A request that is not answered."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class Guard:
    """Passes on what the page asks, with the token taken from its path and its body read."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = {f"{name}:{port}".encode() for name in (HOST, "localhost")}
        self._origins = {b"http://" + host for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            return
        try:
            headers = _headers(scope["headers"])
            self._check(scope, headers)
            rest = self._without_token(scope["raw_path"])
            body = await _body(receive, headers) if scope["method"] not in _READS else b""
        except Refusal as e:
            if scope["method"] not in _READS:
                await _drained(receive)
            await _refuse(send, e)
            return
        path = rest.decode("ascii", "replace")
        inner = {**scope, "path": path, "raw_path": rest, "root_path": ""}
        await self._app(inner, _once(body, receive), _with_headers(send))

    def _check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        method = scope["method"]
        if headers.get(b"host") not in self._hosts:
            raise Refusal(421, "this server answers to its own address alone")
        origin = headers.get(b"origin")
        if (origin is not None or method not in _READS) and origin not in self._origins:
            raise Refusal(403, "this server answers to its own page alone")
        site, is_visit = headers.get(b"sec-fetch-site"), headers.get(b"sec-fetch-mode") == b"navigate"
        if site is not None and site not in _SAME and not (is_visit and method == "GET"):
            raise Refusal(403, "this server answers to its own page alone")
        if method not in _READS and method not in _CHANGES:
            raise Refusal(405, "there is no such method")
        if method in _CHANGES and headers.get(b"content-type", b"").partition(b";")[0] != _CHANGES[method]:
            raise Refusal(415, f"{method} takes {_CHANGES[method].decode()}")

    def _without_token(self, path: bytes) -> bytes:
        if len(path) > _LONGEST_PATH:
            raise Refusal(414, "the path is too long")
        _, _, rest = path.partition(b"/")
        token, slash, rest = rest.partition(b"/")
        if not secrets.compare_digest(token, self._token) or not slash:
            raise Refusal(404, "there is nothing here")
        return b"/" + rest


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Of those that are looked at, the one value; refuses what says a thing twice."""
    watched = {b"host", b"origin", b"content-length", b"content-type", b"sec-fetch-site", b"sec-fetch-mode"}
    found: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name in watched:
            if name in found:
                raise Refusal(400, f"{name.decode()} is said twice")
            found[name] = value
    return found


async def _body(receive: Receive, headers: dict[bytes, bytes]) -> bytes:
    told = headers.get(b"content-length", b"0")
    if not told.isdigit() or int(told) > LARGEST_BODY:
        raise Refusal(413, "that is too large")
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refusal(400, "it ended early")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > LARGEST_BODY:
                    raise Refusal(413, "that is too large")
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError as e:
        raise Refusal(408, "that took too long") from e


async def _drained(receive: Receive) -> None:
    """Read what is left of a small body, for the answer would be lost with a connection that ends before it is."""
    left = _DRAINED
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAINED_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return


def _once(body: bytes, receive: Receive) -> Receive:
    """The body that was read, then whatever comes."""
    read = False

    async def again() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message["headers"]}
            more = [(name, value) for name, value in _HEADERS.items() if name not in own]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sent


async def _refuse(send: Send, refusal: Refusal) -> None:
    text = f"{refusal.why}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),
    ]
    sent = _with_headers(send)
    await sent({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await sent({"type": "http.response.body", "body": text})
