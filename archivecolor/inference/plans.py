"""Plans on disk: TensorRT's files for certain GPUs, each with a JSON file beside it that says what it is.

A plan is named after all it depends on: the generator's weights and graph, the runtime's version, the GPUs, precision
and profile. Invariant: a plan is loaded only when its JSON file says that all of these fit and its sha256 is right;
TensorRT itself is not asked, for a foreign plan can crash it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import platformdirs

from archivecolor.errors import EngineError
from archivecolor.inference.catalog import GRAPH, WEIGHTS, EngineFolder
from archivecolor.inference.device import Gpu
from archivecolor.jobs.atomic import atomic_write
from archivecolor.settings import Precision

SUFFIX = ".plan"
_FORMAT = 1
_KEY_DIGITS = 12


class Backend(StrEnum):
    """The two TensorRTs."""

    TENSORRT = "tensorrt"
    RTX = "tensorrt-rtx"

    @property
    def module(self) -> str:
        """The Python module."""
        return self.replace("-", "_")

    @property
    def label(self) -> str:
        """NVIDIA's name."""
        return "TensorRT-RTX" if self is Backend.RTX else "TensorRT"

    @property
    def extra(self) -> str:
        """The extra of this package that installs it."""
        return "rtx" if self is Backend.RTX else "tensorrt"


@dataclass(frozen=True, slots=True)
class Profile:
    """The shapes a plan takes, and those it is best at."""

    batch: tuple[int, int, int]
    """Fewest, usual, most pictures."""
    usual_px: tuple[int, int]
    """Height and width."""
    least_px: int
    """Of either side."""
    most_px: int

    def takes(self, n: int, height: int, width: int) -> bool:
        """Whether ``n`` pictures of that size fit."""
        sides = self.least_px <= min(height, width) and max(height, width) <= self.most_px
        return sides and self.batch[0] <= n <= self.batch[2]

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Least, usual and largest luma."""
        least, usual, most = self.batch
        return (
            (least, 1, self.least_px, self.least_px),
            (usual, 1, *self.usual_px),
            (most, 1, self.most_px, self.most_px),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What the JSON file beside a plan says."""

    generator: str
    backend: str
    version: str
    """Of TensorRT."""
    targets: tuple[str, ...]
    """Compute capabilities."""
    gpu: str | None
    """The GPU it was built on, where it runs on no other model."""
    precision: str
    profile: Profile
    weights_sha256: str
    graph_sha256: str
    plan_sha256: str = ""
    size_bytes: int = 0
    seconds: float = 0.0
    """That building took."""
    layers: int = 0
    """Of the network as parsed."""
    archivecolor: str = ""
    built: str = ""
    """ISO 8601, UTC."""
    ciede2000: tuple[float, float] | None = None
    """Mean and largest color difference to ONNX Runtime, where there was a GPU to measure on."""
    path: Path = Path()
    """Where the plan lies; not in the JSON file."""

    @property
    def key(self) -> str:
        """Digest of all that decides whether the plan fits."""
        what = (self.generator, self.backend, self.version, self.targets, self.gpu, self.precision)
        text = json.dumps([_FORMAT, *what, asdict(self.profile), self.weights_sha256, self.graph_sha256])
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_DIGITS]

    @property
    def file_name(self) -> str:
        """``archive-tensorrt-rtx-sm_89-fp16-0123456789ab.plan``."""
        target = self.targets[0] if len(self.targets) == 1 else f"{len(self.targets)}-gpus"
        return f"{self.generator}-{self.backend}-{target}-{self.precision}-{self.key}{SUFFIX}"

    def why_stale(self, folder: EngineFolder, version: str | None) -> str | None:
        """Why it does not fit ``folder`` and the installed TensorRT (None: not installed); None when it does."""
        if self.generator != folder.name or self.weights_sha256 != folder.digests[WEIGHTS]:
            return f"was built from other weights than those of '{folder.name}'"
        if self.graph_sha256 != folder.digests[GRAPH]:
            return f"was built from another graph than that of '{folder.name}'"
        if self.version != version:
            installed = f"installed is {version}" if version else "which is not installed"
            return f"was built by {Backend(self.backend).label} {self.version}, {installed}"
        return None

    def why_foreign(self, gpu: Gpu) -> str | None:
        """Why it does not run on ``gpu``; None when it does."""
        if gpu.target not in self.targets:
            return f"was built for {', '.join(self.targets)}, this GPU ({gpu.name}) is {gpu.target}"
        if self.gpu is not None and self.gpu != gpu.name:
            return f"was built on {self.gpu}, this GPU is {gpu.name}"
        return None

    def read(self) -> bytes:
        """The plan itself; raises `EngineError` when it is gone, or not the one the JSON file speaks of."""
        try:
            data = self.path.read_bytes()
        except OSError as e:
            raise EngineError(f"{self.path}: cannot be read: {e.strerror}", hint=self.rebuild) from e
        if hashlib.sha256(data).hexdigest() != self.plan_sha256:
            raise EngineError(f"{self.path}: is damaged, its sha256 is not the recorded one", hint=self.rebuild)
        return data

    @property
    def rebuild(self) -> str:
        """The command that builds it anew, for the GPU that is here."""
        precision = "" if self.precision == Precision.FP16 else f" --precision {self.precision}"
        return f"archivecolor build-engine {self.generator} --backend {self.backend}{precision}"


def cache_directory() -> Path:
    """The user's cache; the environment variable ``ARCHIVECOLOR_CACHE`` moves it."""
    own = os.environ.get("ARCHIVECOLOR_CACHE")
    return Path(own) if own else platformdirs.user_cache_path("archivecolor", appauthor=False)


def directory() -> Path:
    """The plans in the user's cache."""
    return cache_directory() / "plans"


def save(plan: Plan, data: bytes | memoryview, folder: Path) -> Plan:
    """Write plan and JSON file, each whole or not at all, the plan first. Raises `OutputError`."""
    path = folder / plan.file_name
    plan = replace(plan, path=path, plan_sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
    for file, content in ((path, data), (sidecar(path), _dump(plan).encode())):
        with atomic_write(file, overwrite=True) as f:
            f.write(content)
    return plan


def remove(plan: Plan) -> None:
    """Delete plan, JSON file and compiled kernels, whichever are there."""
    for path in (sidecar(plan.path), plan.path, plan.path.with_suffix(".kernels")):
        with suppress(OSError):
            path.unlink()


def load(path: Path) -> Plan:
    """Read the JSON file of the plan at ``path``; raises `EngineError` when there is none of this version."""
    beside = sidecar(path)
    hint = "build it again: archivecolor build-engine"
    try:
        table = json.loads(beside.read_text(encoding="utf-8"))
        if table["format"] != _FORMAT:
            raise EngineError(f"{beside}: has format {table['format']}, this archivecolor reads {_FORMAT}", hint=hint)
        return _parse(table, path)
    except OSError as e:
        what = f"has no JSON file {beside.name} beside it" if path.is_file() else "there is no such plan"
        raise EngineError(f"{path}: {what}", hint=hint) from e
    except (ValueError, KeyError, TypeError) as e:
        raise EngineError(f"{beside}: does not describe a plan", hint=hint) from e


def stored(folder: Path | None = None) -> Iterator[Plan]:
    """The plans in a folder (None: the user's cache), newest first; files that describe none are passed over."""
    found = []
    for path in (folder or directory()).glob(f"*{SUFFIX}"):
        with suppress(EngineError):
            found.append(load(path))
    yield from sorted(found, key=lambda p: p.built, reverse=True)


def find(
    folder: EngineFolder, backend: Backend, version: str, gpu: Gpu, precision: Precision, batch: int | None
) -> Plan:
    """The newest plan in the cache that fits; raises `EngineError` that says why the others do not."""
    wanted = precision.on(gpu=True)
    reasons = []
    for plan in stored():
        if (plan.generator, plan.backend) != (folder.name, backend):
            continue
        reason = plan.why_stale(folder, version) or plan.why_foreign(gpu)
        if reason is None and plan.precision != wanted:
            reason = f"is {plan.precision}, asked for was {wanted}"
        if reason is None and batch is not None and batch > plan.profile.batch[2]:
            reason = f"takes {plan.profile.batch[2]} pictures at a time, asked for were {batch}"
        if reason is None:
            return plan
        reasons.append(f"{plan.path.name} {reason}")
    why = reasons[0] if reasons else "none has been built yet"
    build = f"archivecolor build-engine {folder.name} --backend {backend}"
    options = "" if wanted is Precision.FP16 else f" --precision {wanted}"
    options += f" --batch 1,{batch},{batch}" if batch else ""
    raise EngineError(
        f"there is no {backend.label} plan of '{folder.name}' for {gpu.name}: {why}", hint=build + options
    )


def sidecar(path: Path) -> Path:
    """The JSON file of a plan."""
    return path.with_suffix(".json")


def _dump(plan: Plan) -> str:
    table = {"format": _FORMAT, **asdict(plan)}
    del table["path"]
    return json.dumps(table, indent=2) + "\n"


def _parse(table: dict[str, Any], path: Path) -> Plan:
    profile = table["profile"]
    values = {f.name: table[f.name] for f in fields(Plan) if f.name != "path"}
    least, usual, most = (int(v) for v in profile["batch"])
    height, width = (int(v) for v in profile["usual_px"])
    values["profile"] = Profile(
        (least, usual, most), (height, width), int(profile["least_px"]), int(profile["most_px"])
    )
    values["targets"] = tuple(str(t) for t in table["targets"])
    values["ciede2000"] = None if table["ciede2000"] is None else tuple(float(v) for v in table["ciede2000"])
    Backend(table["backend"])
    return Plan(**values, path=path)
