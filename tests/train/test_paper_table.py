"""The paper's table: what its figures mean, and that the luma of every picture is the truth's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from archivecolor.color import luma_of, rgb_to_lab
from archivecolor.errors import InputError
from archivecolor.inference.torch_generator import Prediction
from tests.fakes.generators import tiny_generator
from tests.train.conftest import png
from tests.train.test_paper_recipes import paper_recipe
from train import cifar10, paper_table
from train.paper_table import gray, measure, network_coloring
from train.trainer import Trainer

Pictures = npt.NDArray[np.uint8]


@pytest.fixture
def truth(color_photographs: dict[str, Pictures]) -> Pictures:
    """Nine pictures of 32 px."""
    found = [
        cv2.resize(rgb[i * 30 : i * 30 + 100, :120], (32, 32), interpolation=cv2.INTER_AREA)
        for rgb in color_photographs.values()
        for i in range(2)
    ]
    return np.stack(found[:8] + found[:1]).astype(np.uint8)


def test_the_truth_itself_has_no_error(truth: Pictures) -> None:
    row = measure(lambda _: truth, truth)
    assert (row.mae, row.accuracy_2, row.accuracy_5, row.colorfulness_ratio) == pytest.approx((0, 1, 1, 1))


def test_a_gray_picture_errs_by_the_truths_chroma(truth: Pictures) -> None:
    row = measure(gray, truth)
    lab, lab_gray = (rgb_to_lab(x.astype(np.float32) / 255) for x in (truth, gray(luma_of(truth).astype(np.uint8))))
    assert row.mae == pytest.approx(float(np.abs(lab - lab_gray).mean()), rel=1e-5)
    assert row.colorfulness_ratio == 0
    assert row.accuracy_2 < row.accuracy_5 < 1


def test_batches_of_unequal_size_count_by_their_pictures(truth: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measure(gray, truth)
    monkeypatch.setattr(paper_table, "_BATCH", 4)  # 4, 4 and 1
    parts = measure(gray, truth)
    assert parts.mae == pytest.approx(whole.mae, rel=1e-5)
    assert parts.psnr_db == pytest.approx(whole.psnr_db, rel=1e-5)


class Fixed(torch.nn.Module):
    """Says one chroma everywhere, and how large the luma was that it saw."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.seen: list[torch.Size] = []

    def forward(self, luma: torch.Tensor) -> Prediction:
        self.seen.append(luma.shape)
        n, _, h, w = luma.shape
        chroma = torch.tensor([12.0, -9.0])[None, :, None, None].expand(n, 2, h // self.stride, w // self.stride)
        return Prediction(chroma, chroma[:, :0])


@pytest.mark.parametrize("stride", [1, 4])
def test_a_networks_chroma_is_laid_beside_the_luma_of_the_truth(stride: int, truth: Pictures) -> None:
    luma = luma_of(truth).astype(np.uint8)
    network = Fixed(stride)
    made = network_coloring(network, stride)(luma)  # type: ignore[arg-type]
    np.testing.assert_array_equal(luma_of(made), luma)
    assert network.seen == [torch.Size([9, 1, 32 * stride, 32 * stride])]
    middle = (luma > 80) & (luma < 180)
    ab = rgb_to_lab(made.astype(np.float32) / 255)[middle][:, 1:]
    np.testing.assert_allclose(ab.mean(axis=0), [12, -9], atol=0.5)


@pytest.fixture
def checkpoint(corpus: Path, tmp_path: Path) -> Path:
    trainer = Trainer(paper_recipe(corpus))
    trainer.checkpoint("unknown", "0").save(tmp_path / "last.pt")
    return tmp_path / "last.pt"


@pytest.fixture
def sheets(tmp_path: Path, truth: Pictures) -> Path:
    folder = tmp_path / "cifar10"
    folder.mkdir()
    for name in (*cifar10.TRAINING_SHEETS, *cifar10.TEST_SHEETS):
        (folder / name).write_bytes(png(truth.reshape(len(truth), 1024, 3)))
    return folder


@pytest.fixture
def run(sheets: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def call(*arguments: object) -> int:
        given = [str(a) for a in arguments]
        monkeypatch.setattr("sys.argv", ["paper_table", *given, "--cifar10", str(sheets)])
        return paper_table.main()

    return call


def test_the_table_has_the_papers_rows_the_gray_one_and_one_a_model(
    run: Callable[..., int], checkpoint: Path, tiny_engine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(checkpoint, tiny_engine, "--count", 2) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines] == [
        "",
        "---",
        "U-Net, in the paper",
        "GAN, in the paper",
        "gray",
        "paper, 0.0 h",
        tiny_engine.name,
    ]
    assert {line.count("|") for line in lines} == {7}


def test_what_is_no_model_and_too_many_pictures_are_errors(
    run: Callable[..., int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert run(tmp_path / "none.pt", "--count", 1) == InputError.exit_code
        assert run("--count", 99) == InputError.exit_code
    assert "none.pt: there is no such checkpoint" in caplog.messages[0]
    assert caplog.messages[1] == "there are 9 test pictures, not 99"


def test_the_shipping_network_can_be_measured_at_32_px(truth: Pictures) -> None:
    row = measure(network_coloring(tiny_generator(), 4), truth)
    assert row.mae > 0
    assert row.colorfulness_ratio > 0
