"""PyTorch: CUDA with fp16 autocast where there is a GPU, otherwise the CPU, the reference for the other engines."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from archivecolor.color import FloatArray
from archivecolor.errors import DependencyError, EngineError
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.engine import check_chroma, check_luma

try:
    import torch
    from safetensors.torch import load_file

    from archivecolor.generator import Generator, GeneratorShape
except ImportError as e:
    raise DependencyError("the torch engine needs PyTorch", hint="pip install 'archivecolor[cuda]'") from e

_CUDA_BATCH = 16


class TorchEngine:
    """Runs the generator as a PyTorch module."""

    def __init__(self, folder: EngineFolder, device: str | None = None) -> None:
        """Load ``folder``'s weights, as tensors, onto ``device`` (None: CUDA where it works)."""
        folder.verify()
        self._folder = folder
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        shape = GeneratorShape(folder.context, folder.decoder, folder.palette, folder.heads)
        self._generator: Generator | None = Generator(shape)
        try:
            weights = {k: v.float() for k, v in load_file(folder.weights).items()}
            self._generator.load_state_dict(weights, strict=True)
        except (RuntimeError, ValueError) as e:
            raise EngineError(f"{folder.weights}: does not fit the generator that engine.toml describes") from e
        self._generator.eval().to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def folder(self) -> EngineFolder:
        """The trained generator that this engine runs."""
        return self._folder

    @property
    def description(self) -> str:
        """Runtime and device, for people."""
        name = torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else "CPU"
        return f"PyTorch {torch.__version__}, {name}"

    @property
    def batch(self) -> int:
        """How many pictures are best given at a time."""
        return _CUDA_BATCH if self._device.type == "cuda" else 1

    def colorize(self, luma: FloatArray) -> FloatArray:
        """Predict chroma; see `Engine.colorize`."""
        if self._generator is None:
            raise EngineError(f"engine '{self._folder.name}' is closed")
        check_luma(luma, self._folder)
        with (
            torch.inference_mode(),
            torch.autocast(self._device.type, torch.float16, enabled=self._device.type == "cuda"),
        ):
            parts = [
                self._generator(part.to(self._device)).chroma.float().cpu()
                for part in torch.split(torch.from_numpy(luma), self.batch)
            ]
        return check_chroma(torch.cat(parts).numpy(), self._folder)

    def close(self) -> None:
        """Free the weights."""
        self._generator = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
