"""What the page asks of the server, and what it is answered."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from archivecolor.errors import ArchiveColorError, InputError, UsageError
from archivecolor.jobs.marks import Verdict
from archivecolor.report.items import State
from archivecolor.report.page import FIELDS, page_text, row_of
from archivecolor.report.previews import Preview
from archivecolor.review import files
from archivecolor.review.desk import Desk
from archivecolor.review.events import Events
from archivecolor.review.kept import LARGEST_STROKES, Kept, is_painted
from archivecolor.review.queue import Queue
from archivecolor.runs.folder.again import Again

_PAGE_POLICY: Final = "; frame-ancestors 'none'"
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Review:
    """Everything behind the page."""

    desk: Desk
    events: Events
    queue: Queue | None
    """None where nothing can be made again."""
    why_not: str = ""
    """And why that is."""

    def app(self) -> Starlette:
        """The application; `guard.Guard` stands before it."""
        kept = self.desk.kept
        return Starlette(
            routes=[
                Route("/", _answered(self.page)),
                Route("/live.css", _answered(self.style)),
                Route("/api/marks", _answered(self.read_marks)),
                Route("/api/marks", _answered(self.write_marks, kept), methods=["POST"]),
                Route("/api/strokes", _answered(self.read_strokes)),
                Route("/api/strokes", _answered(self.write_strokes, kept), methods=["POST"]),
                Route("/api/layers/{layer:path}", _answered(self.save_layer, kept), methods=["PUT"]),
                Route("/api/again", _answered(self.make_again, kept), methods=["POST"]),
                Route("/api/drop", _answered(self.drop, kept), methods=["POST"]),
                Route("/api/reviewer", _answered(self.read_reviewer)),
                Route("/api/reviewer", _answered(self.write_reviewer, kept), methods=["POST"]),
                Route("/api/events", _answered(self.hear)),
                Route("/{path:path}", _answered(self.file)),
            ]
        )

    async def page(self, _: Request) -> Response:
        """The page, as things are now."""
        desk, plan = self.desk, self.desk.plan
        live = resources.files("archivecolor.review").joinpath("assets", "live.js").read_text(encoding="utf-8")
        text, policy = await run_in_threadpool(
            page_text, plan.folder, plan.out, desk.previews, plan.version, plan.run, desk.marks, live
        )
        return Response(
            text, media_type="text/html; charset=utf-8", headers={"content-security-policy": policy + _PAGE_POLICY}
        )

    async def style(self, _: Request) -> Response:
        """What the live page shows beyond the other one."""
        text = resources.files("archivecolor.review").joinpath("assets", "live.css").read_text(encoding="utf-8")
        return Response(text, media_type="text/css; charset=utf-8")

    async def read_marks(self, _: Request) -> Response:
        """All marks that count, by id."""
        return JSONResponse(self.desk.marks_by_id())

    async def write_marks(self, request: Request) -> Response:
        """Marks that were made, by id; they are on the disk when this is answered.

        What is to be colored although it is in color already is colored at once.
        """
        changed = await _json(request, dict)
        await run_in_threadpool(self.desk.mark, changed)
        recolor = [self.desk.preview(name) for name, row in changed.items() if row and row[0] == Verdict.RECOLOR]
        left_alone = [self._again(preview) for preview in recolor if preview.item.state is State.SKIPPED]
        if self.queue and left_alone:
            await run_in_threadpool(self.queue.put, left_alone)
        self.events.tell({"type": "marks", "ids": list(changed), "page": _page(request)})
        return JSONResponse({})

    async def read_strokes(self, _: Request) -> Response:
        """What was painted, by layer."""
        return _ascii(await run_in_threadpool(self.desk.strokes))

    async def write_strokes(self, request: Request) -> Response:
        """The strokes on a layer; they are on the disk when this is answered."""
        told = await _json(request, dict, LARGEST_STROKES)
        layer, painted = told.get("layer"), told.get("painted")
        if not isinstance(layer, str) or not (painted is None or is_painted(painted)):
            raise UsageError("these are no strokes on a layer")
        await run_in_threadpool(self.desk.paint, layer, painted)
        self.events.tell({"type": "strokes", "layer": layer, "painted": painted, "page": _page(request)})
        return JSONResponse({})

    async def save_layer(self, request: Request) -> Response:
        """A layer as PNG; it is in the folder of hints when this is answered."""
        layer = files.named(request.scope["raw_path"].removeprefix(b"/api/layers/"))
        await run_in_threadpool(self.desk.save_layer, layer, await request.body())
        return JSONResponse({})

    async def make_again(self, request: Request) -> Response:
        """Put items into the queue, which is on the disk when this is answered."""
        ids = await _json(request, list)
        if self.queue is None:
            raise UsageError(self.why_not)
        wanted = [self._again(self.desk.preview(_text(name))) for name in ids]
        await run_in_threadpool(self.queue.put, wanted)
        return JSONResponse({})

    async def drop(self, request: Request) -> Response:
        """Take items out of the queue, by their names."""
        for name in await _json(request, list):
            if self.queue:
                await run_in_threadpool(self.queue.drop, _text(name))
        return JSONResponse({})

    async def read_reviewer(self, _: Request) -> Response:
        """Who reviews."""
        return _ascii(self.desk.kept.reviewer())

    async def write_reviewer(self, request: Request) -> Response:
        """Remember who reviews."""
        await run_in_threadpool(self.desk.kept.keep_reviewer, await _json(request, str))
        return JSONResponse({})

    async def hear(self, _: Request) -> Response:
        """Whatever happens from now on."""
        hello = {"type": "hello", **(self.queue.record() if self.queue else {"jobs": [], "total": 0})}
        return StreamingResponse(self.events.stream(hello), media_type="text/event-stream")

    async def file(self, request: Request) -> Response:
        """A picture."""
        raw: bytes = request.scope["raw_path"]
        top, _, rest = raw.removeprefix(b"/").partition(b"/")
        plan = self.desk.plan
        if top == b"out":
            name = files.named(rest)
            return files.whole_file(plan.out, name) if self.desk.result(name) else files.nothing()
        if top == b"src":
            name = files.named(rest)
            source = self.desk.source
            return files.whole_file(source, name) if source and self.desk.holds(name) else files.nothing()
        return files.small_file(plan.folder, raw.decode("ascii", "replace").removeprefix("/"))

    def _again(self, preview: Preview) -> Again:
        item = preview.item
        return Again(item.source, item.state is State.SKIPPED, self.desk.rubbed_out(item.source))

    def tell_replaced(self, before: str, preview: Preview, wrong: str | None) -> None:
        """Tell the pages that an item is another one now."""
        row, texts = row_of(preview)
        self.events.tell(
            {"type": "item", "id": before, "fields": FIELDS, "row": row, "texts": texts, "wrong": wrong or ""}
        )


def _page(request: Request) -> str:
    """Which of the pages asks."""
    return request.query_params.get("page", "")[:64]


def _answered(endpoint: Endpoint, kept: Kept | None = None) -> Endpoint:
    """``endpoint``, with what was raised on purpose as its answer; where it writes, into ``kept`` and OUT alone."""

    async def answered(request: Request) -> Response:
        try:
            if kept:
                await run_in_threadpool(kept.check)
            return await endpoint(request)
        except ArchiveColorError as e:
            status = 400 if isinstance(e, InputError | UsageError) else 409
            return _ascii({"error": e.message, "hint": e.hint or ""}, status)

    return answered


async def _json(request: Request, kind: type, most: int = 16 << 20) -> Any:
    raw = await request.body()
    try:
        value = json.loads(raw) if len(raw) <= most else None
    except (ValueError, RecursionError) as e:
        raise UsageError("that is no JSON") from e
    if not isinstance(value, kind):
        raise UsageError("that is too much, or of another kind")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise UsageError("a name is a text")
    return value


def _ascii(value: object, status: int = 200) -> Response:
    """JSON in which lone surrogates, the bytes of names that are no UTF-8, stay what they are as escapes."""
    return Response(json.dumps(value, separators=(",", ":")), status, media_type="application/json")
