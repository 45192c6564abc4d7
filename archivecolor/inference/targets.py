"""GPUs by the names that people know, and the compute capabilities that plans are built for."""

from __future__ import annotations

import difflib
import re
from typing import Final

from archivecolor.errors import UsageError

RTX_TARGETS: Final = ("sm_75", "sm_80", "sm_86", "sm_89", "sm_120", "sm_121")
"""What TensorRT-RTX builds for without a GPU: Turing, Ampere (server, desktop), Ada, Blackwell (desktop, Spark)."""

# From NVIDIA's table of compute capabilities; also the server GPUs that TensorRT-RTX leaves out, to be able to say so
_SERIES: Final = {
    "sm_70": "v100, titan v",
    "sm_75": "gtx 1650, gtx 1660, gtx 1660 ti, rtx 2060, rtx 2070, rtx 2080, rtx 2080 ti, titan rtx, t4, "
    "quadro rtx 3000, quadro rtx 4000, quadro rtx 5000, quadro rtx 6000, quadro rtx 8000",
    "sm_80": "a100, a30",
    "sm_86": "rtx 3050, rtx 3050 ti, rtx 3060, rtx 3060 ti, rtx 3070, rtx 3070 ti, rtx 3080, rtx 3080 ti, rtx 3090, "
    "rtx 3090 ti, rtx a2000, rtx a3000, rtx a4000, rtx a4500, rtx a5000, rtx a5500, rtx a6000, a2, a10, a16, a40",
    "sm_89": "rtx 4050, rtx 4060, rtx 4060 ti, rtx 4070, rtx 4070 ti, rtx 4080, rtx 4090, rtx 2000 ada, rtx 3000 ada, "
    "rtx 3500 ada, rtx 4000 ada, rtx 4500 ada, rtx 5000 ada, rtx 6000 ada, l4, l40, l40s",
    "sm_90": "h100, h200",
    "sm_100": "b100, b200",
    "sm_120": "rtx 5050, rtx 5060, rtx 5060 ti, rtx 5070, rtx 5070 ti, rtx 5080, rtx 5090, rtx pro 2000, rtx pro 4000, "
    "rtx pro 4500, rtx pro 5000, rtx pro 6000",
    "sm_121": "gb10, dgx spark",
}
_BY_NAME: Final = {name: target for target, names in _SERIES.items() for name in names.split(", ")}
_NOISE: Final = re.compile(
    r"\b(nvidia|geforce|tesla|generation|blackwell|laptop|mobile|gpu|super|workstation|server|edition|d|"
    r"max q|sxm\d?|hbm\d\w?|pcie|nvl|\d+gb)\b"
)


def target_of(gpu: str) -> str:
    """The compute capability, ``sm_89``, of ``sm_89``, ``8.9``, ``rtx-4090`` or ``NVIDIA GeForce RTX 4090``.

    Raises `UsageError`, with the nearest name where there is one.
    """
    words = re.sub(r"\b(g?rtx|gtx)(?=a?\d)", r"\1 ", re.sub(r"[-_()\s]+", " ", gpu.lower()).strip())
    number = re.fullmatch(r"(?:sm ?)?(\d{1,2})\.?(\d)", words)
    if number:
        return f"sm_{number[1]}{number[2]}"
    name = " ".join(re.sub(r"(?<=\d)ti\b", " ti", _NOISE.sub(" ", words)).split())
    if name in _BY_NAME:
        return _BY_NAME[name]
    near = difflib.get_close_matches(name, _BY_NAME, n=1)
    hint = (
        f"did you mean '{near[0].replace(' ', '-')}'?"
        if near
        else f"a GPU such as rtx-4090, or one of {', '.join(RTX_TARGETS)}"
    )
    raise UsageError(f"there is no GPU '{gpu}' in the list", hint=hint)


def rtx_target_of(gpu: str) -> str:
    """Like `target_of`, and `UsageError` for a GPU that TensorRT-RTX does not build for."""
    target = target_of(gpu)
    if target not in RTX_TARGETS:
        raise UsageError(
            f"TensorRT-RTX does not build for {gpu if gpu == target else f'{gpu} ({target})'}",
            hint=f"it builds for {', '.join(RTX_TARGETS)}; others take --backend tensorrt, on their own machine",
        )
    return target
