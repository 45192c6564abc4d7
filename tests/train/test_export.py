"""Export: one set of weights on disk, and an ONNX graph that computes with them what PyTorch does."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import stat
import tomllib
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto
from safetensors.torch import load_file

from archivecolor.color import FloatArray, rgb_to_lab, rgb_to_luma
from archivecolor.errors import ConfigurationError, EngineError, InputError
from archivecolor.inference import catalog
from archivecolor.inference.torch_generator import Generator
from archivecolor.metrics import ciede2000
from tests.fakes.generators import SHAPE, tiny_checkpoint, tiny_generator
from tests.inference.conftest import drop_spread, flip_a_byte
from train import export as exporting
from train.checkpoint import Checkpoint

Picture = npt.NDArray[np.uint8]

SIZES = [(32, 32), (64, 96), (128, 64), (160, 224)]


@pytest.fixture(scope="module")
def session(tiny_engine: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(tiny_engine / catalog.GRAPH, options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def exported(tiny_engine: Path) -> Generator:
    """The generator with the weights as they were rounded for the engine folder."""
    generator = Generator(SHAPE)
    generator.load_state_dict({k: v.float() for k, v in load_file(tiny_engine / catalog.WEIGHTS).items()})
    return generator.eval()


def lumas(pictures: dict[str, Picture], height: int, width: int) -> FloatArray:
    """``[n, 1, height, width]`` in 0..1."""
    scaled = [cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA) for p in pictures.values()]
    return rgb_to_luma(np.stack(scaled).astype(np.float32) / np.float32(255))[:, None].astype(np.float32)


def chroma_of(generator: Generator, luma: FloatArray) -> FloatArray:
    with torch.inference_mode():
        return np.asarray(generator(torch.from_numpy(luma)).chroma.numpy(), np.float32)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("batch", [1, 3])
def test_onnx_computes_what_torch_does_on_real_pictures_of_any_size_and_number(
    session: onnxruntime.InferenceSession,
    exported: Generator,
    color_photographs: dict[str, Picture],
    size: tuple[int, int],
    batch: int,
) -> None:
    luma = lumas(color_photographs, *size)[:batch]
    (chroma,) = session.run(["chroma"], {"luma": luma})
    assert chroma.shape == (batch, 2, size[0] // 4, size[1] // 4)
    assert chroma.dtype == np.float32
    assert np.ptp(chroma) > 10
    assert np.abs(chroma - chroma_of(exported, luma)).max() < 1e-3


def test_rounding_the_weights_to_fp16_is_invisible(exported: Generator, color_photographs: dict[str, Picture]) -> None:
    luma = lumas(color_photographs, 96, 128)
    small = luma[:, 0, ::4, ::4]
    lightness = rgb_to_lab(np.repeat(small[..., None], 3, axis=-1))[..., :1]
    labs = [
        np.concatenate((lightness, chroma_of(g, luma).transpose(0, 2, 3, 1)), axis=-1)
        for g in (tiny_generator(), exported)
    ]
    difference = ciede2000(labs[0], labs[1])
    assert 0 < difference.mean() < 0.1


def test_the_graph_has_no_weights_of_its_own(tiny_engine: Path) -> None:
    graph = tiny_engine / catalog.GRAPH
    assert graph.stat().st_size < 300_000 < (tiny_engine / catalog.WEIGHTS).stat().st_size
    model = onnx.load(graph, load_external_data=False)
    inside = [t for t in model.graph.initializer if t.data_location != TensorProto.EXTERNAL]
    assert max((int(np.prod(t.dims)) for t in inside), default=0) < 16
    outside = [t for t in model.graph.initializer if t.data_location == TensorProto.EXTERNAL]
    parameters = len(list(Generator(SHAPE).parameters()))
    assert len(outside) >= parameters
    assert {e.value for t in outside for e in t.external_data if e.key == "location"} == {catalog.WEIGHTS}


def test_every_reference_of_the_graph_reads_the_tensor_of_that_name(tiny_engine: Path) -> None:
    weights = load_file(tiny_engine / catalog.WEIGHTS)
    model = onnx.load(tiny_engine / catalog.GRAPH)
    read = {t.name.removeprefix("generator.").removesuffix(".fp16"): t for t in model.graph.initializer}
    shared = weights.keys() & read.keys()
    assert len(shared) >= len(list(Generator(SHAPE).parameters()))
    for name in shared:
        np.testing.assert_array_equal(onnx.numpy_helper.to_array(read[name]), weights[name].numpy(), err_msg=name)


def test_matrices_are_stored_as_fp16_and_vectors_as_they_are(tiny_engine: Path) -> None:
    before = tiny_generator().state_dict()
    stored = load_file(tiny_engine / catalog.WEIGHTS)
    assert stored.keys() == before.keys()
    for name, value in stored.items():
        if value.dim() > 1:
            assert value.dtype == torch.float16, name
        else:
            assert value.dtype == before[name].dtype, name
            # The batch statistics come from a forward pass, whose last bits depend on the threads; fp16 errs by 5e-4
            torch.testing.assert_close(value, before[name], rtol=1e-5, atol=1e-6)


def test_the_weights_can_be_read_by_everybody(tiny_engine: Path) -> None:
    assert stat.S_IMODE((tiny_engine / catalog.WEIGHTS).stat().st_mode) == 0o644


def test_the_folder_describes_itself(tiny_engine: Path) -> None:
    folder = catalog.read(tiny_engine)
    folder.verify()
    assert (folder.name, folder.short_px, folder.multiple, folder.chroma_stride) == ("tiny", 96, 32, 4)
    assert (folder.context, folder.decoder, folder.palette, folder.heads) == (32, (16, 16, 8), 16, 2)
    assert folder.blocks == (1, 1)
    for name in (catalog.GRAPH, catalog.WEIGHTS):
        assert folder.digests[name] == sha256((tiny_engine / name).read_bytes()).hexdigest()
    table = tomllib.loads((tiny_engine / "engine.toml").read_text(encoding="utf-8"))
    assert table["training"] == {
        "recipe": "tiny",
        "commit": "unknown",
        "data_sha256": "0" * 64,
        "steps": 1,
        "pictures": 0,
        "in_schedule": 0,
        "hours": 0.0,
    }


@pytest.fixture
def _untraced(monkeypatch: pytest.MonkeyPatch, tiny_engine: Path) -> None:
    """Tracing takes half a minute; let it return the tiny engine's graph, its weights inside."""

    def trace(_: Generator) -> onnx.ModelProto:
        model = onnx.load(tiny_engine / catalog.GRAPH)
        casts = {n.input[0]: n.output[0] for n in model.graph.node if n.op_type == "Cast"}
        for tensor in model.graph.initializer:
            if tensor.name in casts:
                array = onnx.numpy_helper.to_array(tensor).astype(np.float32)
                tensor.CopyFrom(onnx.numpy_helper.from_array(array, casts[tensor.name]))
        kept = [n for n in model.graph.node if not (n.op_type == "Cast" and n.input[0].endswith(".fp16"))]
        del model.graph.node[:]
        model.graph.node.extend(kept)
        return model

    monkeypatch.setattr(exporting, "trace", trace)


@pytest.mark.usefixtures("_untraced")
def test_another_temperature_than_the_trained_one_can_be_exported(tmp_path: Path) -> None:
    exporting.export(tiny_checkpoint(), tmp_path / "vivid", summary="", short_px=96, temperature=0.25)
    assert load_file(tmp_path / "vivid" / catalog.WEIGHTS)["temperature"] == 0.25
    table = tomllib.loads((tmp_path / "vivid" / "engine.toml").read_text(encoding="utf-8"))
    assert table["generator"]["temperature"] == 0.25


@pytest.mark.usefixtures("_untraced")
def test_a_summary_may_hold_any_characters(tmp_path: Path) -> None:
    summary = 'says "hello", \\ and \N{GREEK SMALL LETTER ALPHA}\nin two lines'
    exporting.export(tiny_checkpoint(), tmp_path / "talker", summary=summary, short_px=96, temperature=None)
    assert catalog.read(tmp_path / "talker").summary == summary


@pytest.mark.usefixtures("_untraced")
def test_what_is_exported_is_the_running_mean_of_the_weights(tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint()
    checkpoint.generator = {k: torch.zeros_like(v) for k, v in checkpoint.ema.items()}
    exporting.export(checkpoint, tmp_path / "mean", summary="", short_px=96, temperature=None)
    stored = load_file(tmp_path / "mean" / catalog.WEIGHTS)
    assert torch.equal(stored["head.bias"], checkpoint.ema["head.bias"])


@pytest.mark.usefixtures("_untraced")
def test_a_graph_whose_shapes_are_not_the_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = exporting.trace

    def spoilt(generator: Generator) -> onnx.ModelProto:
        model = trace(generator)
        head = next(t for t in model.graph.initializer if t.name == "generator.head.bias")
        head.CopyFrom(onnx.numpy_helper.from_array(np.zeros(3, np.float32), head.name))
        return model

    monkeypatch.setattr(exporting, "trace", spoilt)
    with pytest.raises(ValueError, match=r"generator\.head\.bias: graph has \[3\], weights have \[16\]"):
        exporting.export(tiny_checkpoint(), tmp_path / "spoilt", summary="", short_px=96, temperature=None)


@pytest.mark.usefixtures("_untraced")
def test_a_graph_is_rebuilt_from_an_engine_folders_own_weights(
    tiny_engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(tiny_engine, tmp_path / "tiny"))
    drop_spread(folder)
    old = catalog.read(folder)
    weights = old.weights.read_bytes()
    monkeypatch.setattr("sys.argv", ["export", str(folder)])
    assert exporting.main() == 0
    new = catalog.read(folder)
    new.verify()
    assert old.features == 0
    assert new == dataclasses.replace(old, digests=new.digests, features=432)
    assert new.weights.read_bytes() == weights
    assert [o.name for o in onnx.load(new.graph, load_external_data=False).graph.output] == [
        "chroma",
        "spread",
        "features",
    ]


@pytest.mark.usefixtures("_untraced")
def test_a_graph_is_not_rebuilt_from_damaged_weights(tiny_engine: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_engine, tmp_path / "tiny"))
    flip_a_byte(folder / catalog.WEIGHTS)
    with pytest.raises(EngineError, match="is damaged"):
        exporting.rebuild_graph(folder)


@pytest.mark.usefixtures("_untraced")
def test_the_command_line_exports_and_tells_errors_by_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint = tmp_path / "last.pt"
    tiny_checkpoint().save(checkpoint)
    monkeypatch.setattr("sys.argv", ["export", str(checkpoint), str(tmp_path / "made"), "--short-px", "64"])
    assert exporting.main() == 0
    assert catalog.read(tmp_path / "made").short_px == 64
    monkeypatch.setattr("sys.argv", ["export", str(tmp_path / "none.pt"), str(tmp_path / "made")])
    with caplog.at_level(logging.ERROR):
        assert exporting.main() == InputError.exit_code
    assert "none.pt: there is no such checkpoint" in caplog.text


def test_a_checkpoint_can_be_exported_after_its_way_through_a_file(tmp_path: Path) -> None:
    tiny_checkpoint().save(tmp_path / "last.pt")
    ema = Checkpoint.load(tmp_path / "last.pt").ema
    generator = Generator(SHAPE)
    generator.load_state_dict(ema)
    assert torch.equal(generator.palette, tiny_generator().palette)


def test_blending_two_checkpoints_averages_their_weights() -> None:
    one = tiny_checkpoint()
    other = dataclasses.replace(one, ema={k: v + 1 if v.is_floating_point() else v for k, v in one.ema.items()})
    mixed = exporting.blend(one, other, 0.25).ema
    torch.testing.assert_close(mixed["head.weight"], one.ema["head.weight"] + 0.25)


def test_checkpoints_of_different_runs_are_not_blended() -> None:
    one = tiny_checkpoint()
    with pytest.raises(ConfigurationError, match="different runs"):
        exporting.blend(one, dataclasses.replace(one, data_digest="1" * 64), 0.5)
    with pytest.raises(ConfigurationError, match="share"):
        exporting.blend(one, one, 1.5)
