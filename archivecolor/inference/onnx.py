"""ONNX Runtime on the CPU: the engine that works everywhere and needs nothing but the plain install."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import numpy as np
import onnxruntime as ort

from archivecolor.color import FloatArray
from archivecolor.errors import EngineError
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.engine import check_chroma, check_luma

_LOG_ERRORS_ONLY = 3


class OnnxEngine:
    """Runs ``generator.onnx``. Thread-safe.

    Pictures of a batch are run one by one, for batching buys nothing on a CPU.
    """

    def __init__(self, folder: EngineFolder, threads: int = 0) -> None:
        """Load ``folder``'s generator; a picture is spread over ``threads``, 0 meaning as many as there are cores."""
        folder.verify()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _LOG_ERRORS_ONLY
        # Spinning threads take the cores that decode and encode the neighbouring pictures
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session: ort.InferenceSession | None = ort.InferenceSession(
                str(folder.graph), options, providers=["CPUExecutionProvider"]
            )
        except Exception as e:  # ONNX Runtime's exceptions share no base class but Exception
            raise EngineError(f"{folder.graph}: ONNX Runtime cannot load it: {_first_line(e)}") from e
        self._folder = folder

    @property
    def folder(self) -> EngineFolder:
        """The trained generator that this engine runs."""
        return self._folder

    @property
    def description(self) -> str:
        """Runtime and device, for people."""
        return f"ONNX Runtime {ort.__version__}, CPU"

    @property
    def batch(self) -> int:
        """How many pictures are best given at a time."""
        return 1

    def colorize(self, luma: FloatArray) -> FloatArray:
        """Predict chroma; see `Engine.colorize`."""
        if self._session is None:
            raise EngineError(f"engine '{self._folder.name}' is closed")
        check_luma(luma, self._folder)
        try:
            parts = [self._session.run(["chroma"], {"luma": picture[None]})[0] for picture in luma]
        except Exception as e:  # as above
            raise EngineError(f"engine '{self._folder.name}' failed: {_first_line(e)}") from e
        return check_chroma(np.concatenate(parts), self._folder)

    def close(self) -> None:
        """Free the session."""
        self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
