"""Where training computes."""

from __future__ import annotations

import torch

from archivecolor.errors import DependencyError, UsageError


def training_device(name: str) -> torch.device:
    """``cpu``, ``cuda`` or ``cuda:1``.

    Raises `UsageError` for another, `DependencyError` for a GPU that is not there.
    """
    try:
        device = torch.device(name)
    except RuntimeError as e:
        raise UsageError(f"there is no device '{name}'", hint="--device cpu, or cuda") from e
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"training does not run on '{name}'", hint="--device cpu, or cuda")
    if device.type == "cuda":
        if not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count():
            raise DependencyError(f"PyTorch {torch.__version__} finds no GPU '{name}'", hint="--device cpu")
        torch.backends.cudnn.allow_tf32 = False  # what is not bfloat16 is squared distances, which want all of float32
    return device
