"""Who may write into an OUT beside whom: each writer has a claim in ``OUT/.archivecolor/claims``.

A shard keeps out the same shard of the same number, shards of another number, and runs that are no shard; such a run
keeps all out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from archivecolor.jobs.claims import Claim, Watched, standing, try_claim, wait_for_death, who
from archivecolor.jobs.locks import BusyError
from archivecolor.jobs.shards import Shard

CLAIMS: Final = "claims"
_WHOLE: Final = "all"


def claim_results(folder: Path, out: Path, shard: Shard | None = None) -> Claim:
    """Keep others out of a shard of ``out``, or of all of it; ``folder`` is where OUT keeps what is no result.

    Claims of the dead are taken over; where it takes watching to know, this waits. Raises `BusyError` naming who is
    writing, and `OSError` where nothing can be written.
    """
    claims, name, watched = folder / CLAIMS, shard.name if shard else _WHOLE, Watched()
    claims.mkdir(parents=True, exist_ok=True)
    while (claim := try_claim(claims, name, out, watched)) is None:
        if alive := wait_for_death(standing(claims, name), watched):
            raise _busy(out, alive[0])
    try:
        others = [path for path in standing(claims) if path != claim.path and not _beside(path, shard)]
        if alive := wait_for_death(others, watched):
            raise _busy(out, alive[0])
        for path in others:
            path.unlink(missing_ok=True)
    except BaseException:
        claim.release()
        raise
    return claim


def _beside(path: Path, shard: Shard | None) -> bool:
    """Whether the claim is that of another shard of the same number, which is no hindrance."""
    return shard is not None and path.stem.endswith(f"-of-{shard.count}")


def _busy(out: Path, claim: Path) -> BusyError:
    shard = "" if claim.stem == _WHOLE else f"shard {claim.stem.replace('-of-', '/')}, "
    return BusyError(f"{out}: another run is writing to it ({shard}{who(claim)})")
