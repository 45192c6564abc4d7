"""What is on this machine and what works: the facts behind ``archivecolor doctor``."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import av

from archivecolor.errors import ArchiveColorError
from archivecolor.film import hardware
from archivecolor.inference import catalog, plans, select
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.device import Driver, nvidia_driver
from archivecolor.inference.onnx import OnnxEngine, kinds_here
from archivecolor.inference.plans import Plan
from archivecolor.installation import install_line
from archivecolor.resources import memory_bytes, usable_cores
from archivecolor.settings import EngineSettings

_TORCH = ("torch", "onnx", "safetensors")
_EXTRAS: dict[str, tuple[str, tuple[str, ...]]] = {
    "cuda": ("NVIDIA GPUs: PyTorch", _TORCH),
    "tensorrt": ("the NVIDIA GPU that is here: TensorRT", ("tensorrt", *_TORCH)),
    "rtx": ("RTX GPUs, and plans without one: TensorRT-RTX", ("tensorrt_rtx", *_TORCH)),
    "heif": ("HEIC photographs", ("pillow_heif",)),
    "tiff": ("rare TIFF compressions", ("imagecodecs",)),
    "scans": ("scanned film in OpenEXR", ("OpenImageIO",)),
    "otio": ("shot lists as OTIO and EDL", ("opentimelineio", "otio_cmx3600_adapter")),
    "review": ("the review page from a local server", ("starlette", "uvicorn")),
    "c2pa": ("results signed with your key", ("c2pa",)),
    "ray": ("folders and films on a Ray cluster", ("ray",)),
    "store": ("folders in object stores", ("fsspec",)),
    "s3": ("folders at s3://", ("fsspec", "s3fs")),
    "gs": ("folders at gs://", ("fsspec", "gcsfs")),
    "az": ("folders at az://", ("fsspec", "adlfs")),
}
_PACKAGES = {
    "tensorrt_rtx": "tensorrt-rtx",
    "pillow_heif": "pillow-heif",
    "c2pa": "c2pa-python",
    "OpenImageIO": "openimageio",
    "otio_cmx3600_adapter": "otio-cmx3600-adapter",
}
_SOFTWARE_ENCODERS = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "ffv1", "prores_ks")


@dataclass(frozen=True, slots=True)
class Extra:
    """An optional part of the program."""

    name: str
    brings: str
    installed: dict[str, str]
    """Package to version."""
    missing: tuple[str, ...]

    @property
    def install(self) -> str:
        """The line that installs it."""
        return install_line(self.name)


@dataclass(frozen=True, slots=True)
class EngineState:
    """An engine, and whether it works here."""

    name: str
    works: bool
    detail: str
    """Runtime and device, or why not."""


@dataclass(frozen=True, slots=True)
class PlanState:
    """A plan in the cache, and whether it can be used here."""

    plan: Plan
    usable: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Machine:
    """What the programs run on."""

    system: str
    python: str
    cores: int
    memory_bytes: int
    driver: Driver | None
    onnxruntime: str
    providers: tuple[str, ...]
    ffmpeg: str
    pyav: str


def machine() -> Machine:
    """Describe the machine that this runs on."""
    return Machine(
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        python=platform.python_version(),
        cores=usable_cores(),
        memory_bytes=memory_bytes(),
        driver=nvidia_driver(),
        onnxruntime=metadata.version("onnxruntime") if _installed("onnxruntime") else "of another build",
        providers=tuple(kinds_here()),
        ffmpeg=av.ffmpeg_version_info,
        pyav=av.__version__,
    )


def extras() -> Iterator[Extra]:
    """The optional parts."""
    for name, (brings, modules) in _EXTRAS.items():
        packages = [_PACKAGES.get(m, m) for m in modules]
        installed = {p: metadata.version(p) for p in packages if _installed(p)}
        yield Extra(name, brings, installed, tuple(p for p in packages if p not in installed))


def engine_states(folder: EngineFolder, settings: EngineSettings) -> Iterator[EngineState]:
    """Try every engine on one frame, best first."""
    truth = None
    try:
        with OnnxEngine(folder) as reference:
            truth = reference.colorize(select.trial_luma())
    except ArchiveColorError as e:
        yield EngineState("onnx on cpu", works=False, detail=str(e))
        return
    for candidate in select.candidates(settings):
        found = select.attempt(folder, candidate, truth)
        if isinstance(found, str):
            yield EngineState(candidate.name, works=False, detail=found)
            continue
        with found:
            yield EngineState(candidate.name, works=True, detail=found.description)


def plan_states(folder: Path | None = None) -> Iterator[PlanState]:
    """The plans in the cache, or in a folder, and whether they are good for anything here. Loads no TensorRT."""
    driver = nvidia_driver()
    gpus = driver.gpus if driver else ()
    generators = {g.name: g for g in catalog.available()}
    for plan in plans.stored(folder):
        generator = generators.get(plan.generator)
        version = _version(plan.backend)
        if version and version.startswith(f"{plan.version}."):
            version = plan.version  # a package may count its own releases of one TensorRT
        if generator is None:
            yield PlanState(plan, usable=False, detail=f"there is no generator '{plan.generator}'")
        elif not gpus:
            stale = plan.why_stale(generator, version)
            yield PlanState(plan, usable=False, detail=stale or "for other machines: no NVIDIA GPU here")
        else:
            reasons = [plan.why_stale(generator, version) or plan.why_foreign(gpu) for gpu in gpus]
            yield PlanState(plan, usable=None in reasons, detail="" if None in reasons else str(reasons[0]))


def cache_bytes() -> int:
    """Size of the cache of plans."""
    return sum(p.stat().st_size for p in plans.directory().glob("*") if p.is_file())


@dataclass(frozen=True, slots=True)
class EncoderState:
    """A film encoder of the FFmpeg that PyAV brings, and whether it works here."""

    name: str
    works: bool
    detail: str = ""
    """Why not."""


def encoders() -> tuple[EncoderState, ...]:
    """The film encoders that archivecolor uses and that this FFmpeg has; those of GPUs are tried on a few frames.

    That one of these is built in says nothing of whether there is such a GPU.
    """
    software = tuple(EncoderState(name, works=True) for name in _SOFTWARE_ENCODERS if name in av.codecs_available)
    refusal = "does not start here: no such GPU, or no driver for it"
    tried = (EncoderState(name, why is None, refusal if why else "") for name, why in hardware.encoders_here())
    return (*software, *tried)


def _version(package: str) -> str | None:
    return metadata.version(package) if _installed(package) else None


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
