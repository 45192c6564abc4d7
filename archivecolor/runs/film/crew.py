"""Who makes a film: this process or, where the settings name a cluster, its workers."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.runs.film.plan import FilmRequest, check_request
from archivecolor.runs.listener import Listener
from archivecolor.runs.settings import absolute

if TYPE_CHECKING:
    from archivecolor.runs.cluster.one_film import FilmCrew


def seen_by_all(request: FilmRequest) -> FilmRequest:
    """A request whose paths mean the same to workers, if these are to make it. Raises `UsageError`."""
    if request.settings.cluster is None:
        return request
    paths = (request.source, request.target, request.cuts)
    source, target, cuts = (path and Path(os.path.abspath(path)) for path in paths)  # noqa: PTH100 - links stay
    return replace(
        request,
        source=source or request.source,
        target=target or request.target,
        cuts=cuts,
        settings=absolute(request.settings),
    )


@contextmanager
def crew_for(
    request: FilmRequest, listener: Listener | None, stop: threading.Event | None
) -> Iterator[FilmCrew | None]:
    """Workers that are ready, of a request that `seen_by_all` gave; None where this process is to make it itself.

    Raises what says why the cluster or one of its machines will not do, before the film is read, and `Stopped`.
    """
    cluster = request.settings.cluster
    if cluster is None:
        yield None
        return
    check_request(request)
    from archivecolor.runs.cluster.connection import connected

    with connected(cluster):
        from archivecolor.runs.cluster.one_film import film_crew  # needs Ray, which is an extra

        with film_crew(request, cluster, listener, stop) as crew:
            yield crew
