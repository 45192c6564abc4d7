"""Nobody but its own page is answered: tried as other sites, users and programs, and by paths that lead elsewhere."""

from __future__ import annotations

import json
import logging
import os
import socket
import stat
import time
from pathlib import Path

import pytest

from archivecolor.errors import OutputError
from archivecolor.jobs.journal import FOLDER
from archivecolor.review import guard
from archivecolor.review.server import Door
from tests.cli.conftest import tree
from tests.review.conftest import PAINTED, Reviewed, layer_png, review_of

HEADERS = {
    "content-security-policy": "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def raw(on: Reviewed, request: bytes, *, wait_s: float = 5.0) -> bytes:
    """Say exactly that, and hear what comes back until the other side ends."""
    with socket.create_connection(("127.0.0.1", on.server.port), timeout=wait_s) as connection:
        connection.sendall(request)
        parts = []
        while part := connection.recv(1 << 16):
            parts.append(part)
            if b"\r\n\r\n" in b"".join(parts) and b"connection: close" not in b"".join(parts).lower():
                break
    return b"".join(parts)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def get(on: Reviewed, path: str, *headers: str, host: str | None = None) -> bytes:
    host = f"127.0.0.1:{on.server.port}" if host is None else host
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", *headers, "Connection: close", "", ""]
    return raw(on, "\r\n".join(lines).encode("latin-1"))


def token(on: Reviewed) -> str:
    return on.server.url.rsplit("/", 2)[1]


def test_it_listens_on_the_loopback_alone(reviewed: Reviewed) -> None:
    bound = reviewed.server._socket.getsockname()
    assert bound == ("127.0.0.1", reviewed.server.port)
    assert reviewed.server.port != 0
    assert len(token(reviewed)) >= 40


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.evil.example"),
        *("[::1]:{port}", "0.0.0.0:{port}", "127.0.0.1:{port}@evil.example", "LOCALHOST:{port}x", "2130706433:{port}"),
        "",
    ],
)
def test_a_name_that_was_bound_to_this_address_is_not_answered_to(reviewed: Reviewed, host: str) -> None:
    answer = get(reviewed, f"/{token(reviewed)}/", host=host.format(port=reviewed.server.port))
    assert status(answer) in (400, 421)
    assert b"<html" not in answer
    assert b"data" not in answer


def test_two_hosts_or_none_are_refused(reviewed: Reviewed) -> None:
    path, host = f"/{token(reviewed)}/", f"127.0.0.1:{reviewed.server.port}"
    twice = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n"
    none = f"GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n"
    absolute = f"GET http://evil.example{path} HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    for request in (twice, none, absolute):
        assert status(raw(reviewed, request.encode())) in (400, 404, 421)
    assert status(get(reviewed, path, host=f"localhost:{reviewed.server.port}")) == 200


@pytest.mark.parametrize(
    "path", ["/", "", "/{half}/", "/{token}", "/{token}x/", "/x{token}/", "/{upper}/", "//{token}/"]
)
def test_without_the_token_there_is_nothing(reviewed: Reviewed, path: str) -> None:
    whole = token(reviewed)
    path = path.format(half=whole[:20], token=whole, upper=whole.swapcase()) or "*"
    assert status(get(reviewed, path)) in (400, 404)
    for name in ("api/marks", "thumbs/00/0000000000000000.jpg", "out/a.png"):
        assert status(get(reviewed, f"/{name}")) == 404
        assert status(get(reviewed, f"/{'A' * 43}/{name}")) == 404


def test_a_token_that_is_coded_otherwise_is_another(reviewed: Reviewed) -> None:
    whole = token(reviewed)
    coded = "".join(f"%{ord(c):02x}" for c in whole)
    assert status(get(reviewed, f"/{coded}/")) == 404
    assert status(get(reviewed, f"/x/../{whole}/")) == 404
    assert status(get(reviewed, "/", f"Cookie: token={whole}", f"Authorization: Bearer {whole}")) == 404
    assert status(get(reviewed, f"/?token={whole}")) == 404


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1", ""]
)
def test_another_site_changes_nothing(reviewed: Reviewed, origin: str) -> None:
    body, before = {reviewed.ids["a.png"]: ["accepted", None, "", ""]}, tree(reviewed.out)
    told = origin.format(port=reviewed.server.port)
    assert reviewed.post("api/marks", body, Origin=told).status_code == 403
    assert reviewed.put("api/layers/a.png.png", layer_png(), Origin=told).status_code == 403
    assert reviewed.client.get("api/marks", headers={"Origin": told}).status_code == 403
    without = reviewed.client.post("api/marks", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert without.status_code == 403
    assert reviewed.client.get("api/marks").json() == {}
    assert tree(reviewed.out) == before


def test_what_a_form_or_an_image_of_another_site_can_send_is_refused(reviewed: Reviewed) -> None:
    body = {reviewed.ids["a.png"]: ["accepted", None, "", ""]}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", ""):
        assert reviewed.post("api/marks", body, **{"Content-Type": kind}).status_code == 415
    for site in ("cross-site", "same-site"):
        for mode in ("no-cors", "cors"):
            fetched = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
            assert reviewed.client.get("api/marks", headers=fetched).status_code == 403
            assert reviewed.post("api/marks", body, **fetched).status_code == 403
        visit = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
        assert reviewed.client.get("", headers=visit).status_code == 200, "a file leads the browser here"
        assert reviewed.post("api/marks", body, **visit).status_code == 403
    for method in ("DELETE", "PATCH", "OPTIONS", "TRACE"):
        answer = reviewed.client.request(method, "api/marks", headers={"Origin": reviewed.origin})
        assert answer.status_code == 405
        assert "access-control-allow-origin" not in answer.headers


def test_a_web_socket_is_no_way_in(reviewed: Reviewed) -> None:
    headers = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    for path in (f"/{token(reviewed)}/api/events", f"/{token(reviewed)}/", "/"):
        answer = get(reviewed, path, "Origin: http://evil.example", *headers)
        assert status(answer) in (400, 403, 404)
        assert b"101" not in answer.split(b"\r\n")[0]


ESCAPES = [
    "../in/a.png",
    "..%2fin%2fa.png",
    "%2e%2e/in/a.png",
    "%2e%2e%2fsecret.png",
    "..%5csecret.png",
    "....//secret.png",
    "%252e%252e%252fsecret.png",
    "sub/../../secret.png",
    "%00/a.png",
    "a.png%00",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    ".archivecolor/journal.jsonl",
    "%2earchivecolor/marks.jsonl",
    "sub",
    "",
    "A.PNG",
    "a.png/",
    "./a.png",
    "..;/secret.png",
    "\xc0\xae\xc0\xae/secret.png",
]


@pytest.mark.parametrize("escape", ESCAPES)
def test_no_path_leads_out_of_the_folders(reviewed: Reviewed, escape: str) -> None:
    secret = reviewed.out.parent / "secret.png"
    secret.write_bytes(b"secret")
    for top in ("out", "src", "thumbs", "pictures", "tiles", "films", "thumbs/00", "tiles/aa/aaaaaaaaaaaaaaaa", "api"):
        answer = get(reviewed, f"/{token(reviewed)}/{top}/{escape}")
        assert status(answer) in (400, 404, 405), (top, answer)
        assert b"secret" not in answer
        assert b"root:" not in answer


def test_only_items_are_given_out_and_none_behind_a_link(reviewed: Reviewed, tmp_path: Path) -> None:
    (reviewed.out / "notes.png").write_bytes(b"mine")
    (reviewed.source / "private.png").write_bytes(b"mine")
    for path in ("out/notes.png", "src/private.png", "index.html", "live.js"):
        assert reviewed.client.get(path).status_code == 404
    for top, folder in (("out", reviewed.out), ("src", reviewed.source)):
        assert reviewed.client.get(f"{top}/a.png").content == (folder / "a.png").read_bytes()
        secret = tmp_path / "secret.png"
        secret.write_bytes(b"secret")
        (folder / "a.png").unlink()
        (folder / "a.png").symlink_to(secret)
        assert reviewed.client.get(f"{top}/a.png").status_code == 404
        (folder / "sub" / "c.png").unlink()
        (folder / "sub").rmdir()
        (tmp_path / "away" / top / "sub").mkdir(parents=True)
        (tmp_path / "away" / top / "sub" / "c.png").write_bytes(b"secret")
        (folder / "sub").symlink_to(tmp_path / "away" / top / "sub")
        assert reviewed.client.get(f"{top}/sub/c.png").status_code == 404
    name = reviewed.ids["b.jpg"]
    thumb = reviewed.out.with_name("out-report") / "thumbs" / name[:2] / f"{name}.jpg"
    assert reviewed.client.get(f"thumbs/{name[:2]}/{name}.jpg").status_code == 200
    thumb.unlink()
    thumb.symlink_to(tmp_path / "secret.png")
    assert reviewed.client.get(f"thumbs/{name[:2]}/{name}.jpg").status_code == 404


@pytest.mark.parametrize("layer", ESCAPES)
def test_no_layer_is_written_but_an_item_s(reviewed: Reviewed, layer: str) -> None:
    before = {p for p in reviewed.out.parent.rglob("*") if p.is_file()}
    target = f"PUT /{token(reviewed)}/api/layers/{layer}.png HTTP/1.1\r\nHost: 127.0.0.1:{reviewed.server.port}\r\n"
    more = f"Origin: {reviewed.origin}\r\nContent-Type: image/png\r\nContent-Length: {len(layer_png())}\r\n"
    answer = raw(reviewed, (target + more + "Connection: close\r\n\r\n").encode("latin-1") + layer_png())
    assert status(answer) in (400, 404, 405)
    assert {p for p in reviewed.out.parent.rglob("*") if p.is_file()} == before
    assert reviewed.post("api/strokes", {"layer": f"{layer}.png", "painted": PAINTED}).status_code == 400


def test_layers_are_not_written_through_a_link(reviewed: Reviewed, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (reviewed.out / FOLDER / "hints" / "sub").symlink_to(tmp_path / "elsewhere")
    answer = reviewed.post("api/strokes", {"layer": "sub/c.png.png", "painted": PAINTED})
    assert answer.status_code == 409
    assert reviewed.put("api/layers/sub/c.png.png", layer_png()).status_code == 409
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["hints", "review"])
def test_an_out_that_leads_elsewhere_is_not_reviewed(colored: tuple[Path, Path], tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (colored[1] / FOLDER / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="is a link out of it"), review_of(*colored):
        pytest.fail("it was opened")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_huge_body_is_refused_before_it_is_read(reviewed: Reviewed, monkeypatch: pytest.MonkeyPatch) -> None:
    head = (
        f"PUT /{token(reviewed)}/api/layers/a.png.png HTTP/1.1\r\nHost: 127.0.0.1:{reviewed.server.port}\r\n"
        f"Origin: {reviewed.origin}\r\nContent-Type: image/png\r\n"
    )
    for length in (guard.LARGEST_BODY + 1, 10**15, "-1", "1e9"):
        assert status(raw(reviewed, f"{head}Content-Length: {length}\r\n\r\n".encode())) in (400, 413)
    monkeypatch.setattr(guard, "LARGEST_BODY", 1000)
    chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + b"800\r\n" + bytes(0x800) + b"\r\n"
    assert status(raw(reviewed, chunked)) == 413
    assert reviewed.client.get("api/marks").status_code == 200


def test_a_slow_body_ends_and_others_are_answered_meanwhile(
    reviewed: Reviewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "BODY_S", 0.5)
    head = (
        f"POST /{token(reviewed)}/api/marks HTTP/1.1\r\nHost: 127.0.0.1:{reviewed.server.port}\r\n"
        f"Origin: {reviewed.origin}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"
    ).encode()
    slow = [socket.create_connection(("127.0.0.1", reviewed.server.port), timeout=10) for _ in range(30)]
    for connection in slow:
        connection.sendall(head)
    assert reviewed.client.get("api/marks").status_code == 200
    began = time.monotonic()
    for connection in slow:
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
        connection.close()
    assert time.monotonic() - began < 8


def test_strange_requests_bring_nothing_down(reviewed: Reviewed) -> None:
    path, host = token(reviewed), f"127.0.0.1:{reviewed.server.port}"
    for request in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(200),
        b"GET / HTTP/9.9\r\n\r\n",
        f"GET /{path}/{'a' * 20_000} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(),
        f"GET /{path}/ HTTP/1.1\r\nHost: {host}\r\nX: {'a' * 100_000}\r\n\r\n".encode(),
        f"GET /{path}/\xff\xfe HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1"),
    ):
        answer = raw(reviewed, request)
        assert answer == b"" or status(answer) in (200, 400, 404, 414, 421, 431), "long heads may be read or refused"
    for value in ("[" * 50_000, "{", "null", "3", '"x"', '{"a": {"b": 1}}', '{"a": ["accepted", 1, 2, 3]}'):
        for name in ("marks", "strokes", "again", "drop"):
            headers = {"Origin": reviewed.origin, "Content-Type": "application/json"}
            refused = reviewed.client.post(f"api/{name}", content=value, headers=headers)
            assert refused.status_code == 400, (name, value[:20], refused.text)
            assert refused.json()["error"]
    assert reviewed.client.get("").status_code == 200


def test_what_is_no_layer_is_not_written(reviewed: Reviewed) -> None:
    assert reviewed.post("api/strokes", {"layer": "a.png.png", "painted": PAINTED}).is_success
    for content in (b"", b"GIF89a", layer_png()[:80], layer_png(size=(40, 40)), os.urandom(5000)):
        answer = reviewed.put("api/layers/a.png.png", content)
        assert answer.status_code == 400
        assert answer.json()["error"]
    assert not (reviewed.out / FOLDER / "hints" / "a.png.png").exists()


def test_every_answer_has_the_headers_that_keep_others_out(reviewed: Reviewed) -> None:
    name = reviewed.ids["a.png"]
    for path in ("", "api/marks", f"thumbs/{name[:2]}/{name}.jpg", "out/a.png", "nothing", "live.css"):
        headers = reviewed.client.get(path).headers
        assert all(value in headers[header] for header, value in HEADERS.items()), path
        assert "server" not in headers
    answer = get(reviewed, "/").decode().lower()
    assert all(f"{header}: " in answer for header in HEADERS)
    policy = reviewed.client.get("").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_token_is_in_no_log(
    reviewed: Reviewed, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(logging.getLogger("archivecolor"), "propagate", True)
    for path in ("", "nothing", "out/a.png"):
        reviewed.client.get(path)
    raw(reviewed, f"GET /{token(reviewed)}/\r\nHost\r\n\r\n".encode())
    logging.getLogger("uvicorn.error").error("met at %s", reviewed.server.url)
    said = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("archivecolor"))
    assert "met at http://127.0.0.1:" in said
    assert token(reviewed) not in said


def test_the_way_to_the_page_is_for_one_user_s_eyes(tmp_path: Path) -> None:
    door = Door(tmp_path, "http://127.0.0.1:1/a&b/")
    assert stat.S_IMODE(door.path.stat().st_mode) == 0o600
    text = door.path.read_text()
    assert 'content="0;url=http://127.0.0.1:1/a&amp;b/"' in text
    assert 'name="referrer" content="no-referrer"' in text
    door.close()
    door.close()
    assert list(tmp_path.iterdir()) == []
