"""The options of a cluster, and what they come to together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final

from archivecolor.cli.options import in_panel
from archivecolor.errors import UsageError
from archivecolor.runs.settings import ClusterSettings

PANEL: Final = "Cluster"
cluster = partial(in_panel, PANEL)


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """Where a folder is colored, other than here."""

    cluster: Annotated[
        str | None,
        cluster("--cluster", "Color with the workers of this Ray cluster. auto: the one of this machine.", "ADDRESS"),
    ] = None
    workers: Annotated[
        int | None, cluster("--workers", "How many. Default: as many as its machines have room for.", "N", min=1)
    ] = None
    cpus_per_worker: Annotated[
        int | None, cluster("--cpus-per-worker", "Default: 4, or all of the smallest machine's.", "N", min=1)
    ] = None
    gpus_per_worker: Annotated[float, cluster("--gpus-per-worker", "May be a part of one, such as 0.5.", "N")] = 0.0
    item_timeout: Annotated[
        float | None,
        cluster(
            "--item-timeout",
            "A worker that finished no picture and no frame for so long is replaced. Default: 600; of a film, 3600.",
            "SECONDS",
        ),
    ] = None

    def settings(self) -> ClusterSettings | None:
        """None where no cluster is asked for. Raises `UsageError`."""
        if self.cluster is None:
            given = {
                "--workers": self.workers,
                "--cpus-per-worker": self.cpus_per_worker,
                "--gpus-per-worker": self.gpus_per_worker,
                "--item-timeout": self.item_timeout,
            }
            if names := [name for name, value in given.items() if value]:
                raise UsageError(f"{names[0]} is for a cluster", hint="give --cluster, too")
            return None
        return ClusterSettings(
            address=self.cluster,
            workers=self.workers,
            cores=self.cpus_per_worker,
            gpus=self.gpus_per_worker,
            timeout_s=self.item_timeout,
        )
