"""Who may write into an OUT beside whom: each writer has a claim in ``OUT/.archivecolor/claims``.

A shard keeps out the same shard of the same number, shards of another number, and runs that are no shard; such a run
keeps all out. Where OUT is in a store its claims are leases: see `storage.leases`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Final, Protocol, TypeVar

from archivecolor.jobs.claims import Claim, Watched, Watcher, standing, try_claim, wait_for_death
from archivecolor.jobs.locks import BusyError
from archivecolor.jobs.shards import Shard

CLAIMS: Final = "claims"
_WHOLE: Final = "all"


class Held(Protocol):
    """A claim of this process."""

    @property
    def path(self) -> PurePath:
        """Its name."""

    def release(self) -> None:
        """Let others have it."""


Kept = TypeVar("Kept", bound=Held, covariant=True)


class Claims(Watcher, Protocol[Kept]):
    """Where the claims on one OUT are."""

    def standing(self, name: str | None = None) -> Sequence[PurePath]: ...  # noqa: D102
    def try_claim(self, name: str) -> Kept | None: ...  # noqa: D102
    def remove(self, path: PurePath) -> None: ...  # noqa: D102


class _OnDisk(Watched):
    """In a folder."""

    def __init__(self, folder: Path, guarded: Path) -> None:
        super().__init__()
        self._folder, self._guarded = folder, guarded

    def standing(self, name: str | None = None) -> Sequence[PurePath]:
        return standing(self._folder, name)

    def try_claim(self, name: str) -> Claim | None:
        return try_claim(self._folder, name, self._guarded, self)

    def remove(self, path: PurePath) -> None:
        Path(path).unlink(missing_ok=True)


def claim_results(folder: Path, out: Path, shard: Shard | None = None) -> Claim:
    """Keep others out of a shard of ``out``, or of all of it; ``folder`` is where OUT keeps what is no result.

    Claims of the dead are taken over; where it takes watching to know, this waits. Raises `BusyError` naming who is
    writing, and `OSError` where nothing can be written.
    """
    claims = folder / CLAIMS
    claims.mkdir(parents=True, exist_ok=True)
    return keep_out(_OnDisk(claims, out), str(out), shard)


def keep_out(claims: Claims[Kept], out: str, shard: Shard | None) -> Kept:
    """The same, wherever the claims are. Raises what they do, and `BusyError` naming who is writing to ``out``."""
    name = shard.name if shard else _WHOLE
    while (claim := claims.try_claim(name)) is None:
        if alive := wait_for_death(claims.standing(name), claims):
            raise _busy(out, alive[0], claims)
    try:
        others = [path for path in claims.standing() if path != claim.path and not _beside(path, shard)]
        if alive := wait_for_death(others, claims):
            raise _busy(out, alive[0], claims)
        for path in others:
            claims.remove(path)
    except BaseException:
        claim.release()
        raise
    return claim


def _beside(path: PurePath, shard: Shard | None) -> bool:
    """Whether the claim is that of another shard of the same number, which is no hindrance."""
    return shard is not None and path.stem.endswith(f"-of-{shard.count}")


def _busy(out: str, claim: PurePath, claims: Watcher) -> BusyError:
    shard = "" if claim.stem == _WHOLE else f"shard {claim.stem.replace('-of-', '/')}, "
    return BusyError(f"{out}: another run is writing to it ({shard}{claims.who(claim)})")
