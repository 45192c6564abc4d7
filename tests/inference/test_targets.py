"""GPUs by name."""

from __future__ import annotations

import pytest

from archivecolor.errors import UsageError
from archivecolor.inference.targets import RTX_TARGETS, rtx_target_of, target_of


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("sm_89", "sm_89"),
        ("sm89", "sm_89"),
        ("8.9", "sm_89"),
        ("SM_121", "sm_121"),
        ("rtx-4090", "sm_89"),
        ("RTX3090", "sm_86"),
        ("RTX 3060 Ti", "sm_86"),
        ("NVIDIA GeForce RTX 4070 Ti SUPER", "sm_89"),
        ("NVIDIA GeForce RTX 4080 Laptop GPU", "sm_89"),
        ("NVIDIA RTX 6000 Ada Generation", "sm_89"),
        ("Quadro RTX 6000", "sm_75"),
        ("NVIDIA RTX A6000", "sm_86"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "sm_120"),
        ("Tesla T4", "sm_75"),
        ("NVIDIA A100-SXM4-80GB", "sm_80"),
        ("NVIDIA H100 80GB HBM3", "sm_90"),
        ("NVIDIA GB10", "sm_121"),
    ],
)
def test_gpus_are_known_by_any_of_their_names(name: str, target: str) -> None:
    assert target_of(name) == target


def test_a_mistyped_gpu_is_a_usage_error_that_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no GPU 'rtx-4099' in the list \(did you mean 'rtx-4090'\?\)"):
        target_of("rtx-4099")


def test_an_unknown_gpu_is_a_usage_error_that_lists_the_targets() -> None:
    with pytest.raises(UsageError, match="no GPU 'toaster'") as told:
        target_of("toaster")
    assert all(target in (told.value.hint or "") for target in RTX_TARGETS)


@pytest.mark.parametrize("name", ["H100", "sm_90", "sm_52", "V100"])
def test_a_gpu_that_tensorrt_rtx_leaves_out_is_a_usage_error_that_points_at_tensorrt(name: str) -> None:
    with pytest.raises(UsageError, match="TensorRT-RTX does not build for") as told:
        rtx_target_of(name)
    assert "--backend tensorrt" in (told.value.hint or "")
