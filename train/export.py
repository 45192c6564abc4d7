"""Turn a checkpoint into an engine folder: ``python -m train.export runs/archive/last.pt engines/archive``.

``python -m train.export engines/archive`` writes that folder's graph anew and leaves its weights alone.

The weights are written once, as safetensors (fp16; vectors, which hold the batch statistics, fp32). ``generator.onnx``
holds no weights of its own: its initializers are ONNX external data that points into the safetensors file, each fp16
one followed by a cast. So the engines of all runtimes, and later training, read the same numbers.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import re
import struct
import sys
import warnings
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from torch import Tensor, nn

from archivecolor.color import HINT_PLANES
from archivecolor.errors import ArchiveColorError, ConfigurationError
from archivecolor.inference import catalog
from archivecolor.inference.catalog import GRAPH, WEIGHTS
from archivecolor.inference.graph import resolve_casts
from archivecolor.inference.torch import load_generator
from archivecolor.inference.torch_generator import CHROMA_STRIDE, INPUT_MULTIPLE, Generator
from train.checkpoint import Checkpoint
from train.schedule import Schedule

log = logging.getLogger("train.export")

OPSET = 18
_PREFIX = "generator."
_ONNX_TYPES = {"F16": TensorProto.FLOAT16, "F32": TensorProto.FLOAT, "I64": TensorProto.INT64}


class _Told(nn.Module):
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, luma: Tensor, hints: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        encoded = self.generator.encoder(luma)
        features = self.generator.features_of(encoded)
        return *self.generator.moments(self.generator.scores_of(encoded, hints)), features


@dataclass(frozen=True, slots=True)
class _Stored:
    """Where a tensor lies in the safetensors file."""

    dtype: int
    shape: list[int]
    offset: int
    length: int


def export(
    checkpoint: Checkpoint,
    folder: Path,
    *,
    summary: str,
    short_px: int,
    temperature: float | None,
    median_steps: int | None = None,
    hints_by: str = "",
) -> None:
    """Write ``folder`` from the checkpoint's mean weights.

    ``temperature`` and ``median_steps`` replace those that it was trained with. ``hints_by`` names the generator that
    answers where hints lie, for one that takes none.
    """
    if checkpoint.recipe.unet:
        raise ConfigurationError(
            f"recipe '{checkpoint.recipe.name}' trains the paper's U-Net, which no engine runs",
            hint="export a network of [generator]; train.paper_table and train.triplets show what a U-Net does",
        )
    shape = checkpoint.recipe.generator
    if median_steps is not None:
        shape = dataclasses.replace(shape, median_steps=median_steps)
    generator = Generator(shape)
    generator.load_state_dict(checkpoint.ema)
    if temperature is not None:
        generator.temperature.fill_(temperature)
    generator.eval()
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / WEIGHTS
    save_file({k: _compact(v) for k, v in generator.state_dict().items()}, weights)
    weights.chmod(0o644)  # safetensors makes it readable for its writer alone
    _write_graph(generator, folder)
    _describe(checkpoint, generator, folder, summary=summary, short_px=short_px, hints_by=hints_by)
    log.info(
        "%s written: %d bytes of weights, %d of graph", folder, weights.stat().st_size, (folder / GRAPH).stat().st_size
    )


def rebuild_graph(folder: Path) -> None:
    """Write an engine folder's graph anew from its own weights, which stay as they are to the byte.

    For folders that were exported before the graph told what it tells now. Raises `EngineError` when the weights are
    damaged or are not those of the network that ``engine.toml`` describes.
    """
    described = catalog.read(folder)
    catalog.check_digest(described.weights, described.digests[WEIGHTS])
    generator = load_generator(described)
    _write_graph(generator, folder)
    path = folder / "engine.toml"
    before, after = described.digests[GRAPH], sha256((folder / GRAPH).read_bytes()).hexdigest()
    text = path.read_text(encoding="utf-8").replace(before, after)
    text = re.sub(r"(?m)^features = .*\n", "", text)
    opset = re.compile(r"(?m)^opset = \d+\n")
    if not opset.search(text):
        raise ConfigurationError(f"{path}: has no line 'opset = ...' in [graph]", hint="export the engine again")
    text = opset.sub(f"opset = {OPSET}\n{_features_line(generator)}\n", text)
    path.write_text(text, encoding="utf-8")
    log.info("%s written: %d bytes", folder / GRAPH, (folder / GRAPH).stat().st_size)


def _write_graph(generator: Generator, folder: Path) -> None:
    """Write ``generator``'s graph, pointing into the folder's weights."""
    graph = trace(generator)
    _point_into(graph, _index(folder / WEIGHTS))
    resolve_casts(graph)
    onnx.save(graph, folder / GRAPH)
    onnx.checker.check_model(str(folder / GRAPH), full_check=True)


def blend(checkpoint: Checkpoint, other: Checkpoint, share: float) -> Checkpoint:
    """Average the mean weights of two checkpoints of one run, ``share`` of them ``other``'s.

    Between the end of pixel training and that of adversarial training lie generators with most of the latter's variety
    and most of the former's accuracy. Raises `ConfigurationError` when the two are of different runs.
    """
    if other.recipe.network != checkpoint.recipe.network or other.data_digest != checkpoint.data_digest:
        raise ConfigurationError("the checkpoints to blend are of different runs")
    if not 0 <= share <= 1:
        raise ConfigurationError(f"the share to blend is {share:g}", hint="give a number from 0 to 1")
    mixed = {k: torch.lerp(v, other.ema[k], share) if v.is_floating_point() else v for k, v in checkpoint.ema.items()}
    return dataclasses.replace(checkpoint, ema=mixed)


def trace(generator: Generator) -> onnx.ModelProto:
    """The generator as an ONNX graph of float32.

    From ``luma [n, 1, 32 h, 32 w]``, and ``hints [n, 3, 8 h, 8 w]`` where it takes them, to ``chroma
    [n, 2, 8 h, 8 w]``, ``spread [n, 1, 8 h, 8 w]`` and ``features [n, c, 2 h, 2 w]``: see `Engine` and `Estimate`.
    """
    n, h, w = (torch.export.Dim(name, max=most) for name, most in (("n", 256), ("h", 64), ("w", 64)))
    height, width = 4 * INPUT_MULTIPLE, 5 * INPUT_MULTIPLE
    inputs = {"luma": torch.rand(2, 1, height, width)}
    sides = {"luma": {0: n, 2: INPUT_MULTIPLE * h, 3: INPUT_MULTIPLE * w}}
    if generator.hints is not None:
        inputs["hints"] = torch.rand(2, HINT_PLANES, height // CHROMA_STRIDE, width // CHROMA_STRIDE)
        places = INPUT_MULTIPLE // CHROMA_STRIDE
        sides["hints"] = {0: n, 2: places * h, 3: places * w}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Told(generator),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=["chroma", "spread", "features"],
            dynamic_shapes=tuple(sides.values()),
            opset_version=OPSET,
            dynamo=True,
            optimize=False,  # folding batch norm into convolutions would make other weights; runtimes do it on loading
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    return model


def _compact(v: Tensor) -> Tensor:
    return v.half().contiguous() if v.is_floating_point() and v.dim() > 1 else v.contiguous()


def _index(path: Path) -> dict[str, _Stored]:
    """Read a safetensors header: name to place. The format is 8 bytes of header length, JSON, then the tensors."""
    with path.open("rb") as f:
        (size,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(size))
    return {
        name: _Stored(
            _ONNX_TYPES[entry["dtype"]],
            entry["shape"],
            8 + size + entry["data_offsets"][0],
            entry["data_offsets"][1] - entry["data_offsets"][0],
        )
        for name, entry in header.items()
        if name != "__metadata__"
    }


def _point_into(model: onnx.ModelProto, index: dict[str, _Stored]) -> None:
    """Replace the graph's initializers by references into the weights file, casting fp16 to float32."""
    casts = []
    for tensor in model.graph.initializer:
        stored = index.get(tensor.name.removeprefix(_PREFIX))
        if stored is None:
            continue  # a constant of the graph, not a weight
        if stored.shape != list(tensor.dims):
            raise ValueError(f"{tensor.name}: graph has {list(tensor.dims)}, weights have {stored.shape}")
        name = tensor.name
        tensor.Clear()
        tensor.name = name
        tensor.dims.extend(stored.shape)
        tensor.data_type = stored.dtype
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", WEIGHTS), ("offset", stored.offset), ("length", stored.length)):
            tensor.external_data.add(key=key, value=str(value))
        if stored.dtype == TensorProto.FLOAT16:
            tensor.name = f"{name}.fp16"
            casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    inner = {o for c in casts for o in c.output}
    kept = [v for v in model.graph.value_info if v.name not in inner]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)
    for i, cast in enumerate(casts):
        model.graph.node.insert(i, cast)


def _describe(
    checkpoint: Checkpoint, generator: Generator, folder: Path, *, summary: str, short_px: int, hints_by: str
) -> None:
    shape = generator.shape
    place = Schedule(checkpoint.recipe.phase).pictures(checkpoint.step)
    digests = {name: sha256((folder / name).read_bytes()).hexdigest() for name in (GRAPH, WEIGHTS)}
    text = f'''# Written by train/export.py. MODEL_CARD.md says what this generator was trained on and gets wrong.
format = 1
name = {_quoted(folder.name)}
summary = {_quoted(summary)}

[input]            # luma: float32 [n, 1, h, w], BT.601 Y' of sRGB-coded values, 0..1
short_px = {short_px}
multiple = {INPUT_MULTIPLE}
chroma_stride = {CHROMA_STRIDE}  # chroma: float32 [n, 2, h/4, w/4], CIE a*, b* (D65)

[generator]
context = {shape.context}
decoder = {list(shape.decoder)}
palette = {shape.palette}
heads = {shape.heads}
encoder = {_quoted(shape.encoder)}
classifier_features = {str(shape.classifier_features).lower()}
blocks = {list(shape.blocks)}
hints = {str(shape.hints).lower()}  # a second input: float32 [n, {HINT_PLANES}, h/4, w/4], a*, b* and a mask in 0..1
hints_by = {_quoted(hints_by)}  # the generator that answers where hints lie
median_steps = {shape.median_steps}
temperature = {generator.temperature.item():.3f}

[training]
recipe = {_quoted(checkpoint.recipe.name)}
commit = "{checkpoint.commit}"
data_sha256 = "{checkpoint.data_digest}"
steps = {checkpoint.step}
pictures = {checkpoint.shown or place}
in_schedule = {place}
hours = {checkpoint.seconds / 3600:.2f}

[graph]
opset = {OPSET}
{_features_line(generator)}

[sha256]
'''
    text += "".join(f'"{name}" = "{digest}"\n' for name, digest in digests.items())
    (folder / "engine.toml").write_text(text, encoding="utf-8")


def _features_line(generator: Generator) -> str:
    channels = generator.feature_channels
    return f"features = {channels}  # a third output: float32 [n, {channels}, h/16, w/16], of length 1"


def _quoted(text: str) -> str:
    """A TOML basic string, whose escapes are JSON's."""
    return json.dumps(text, ensure_ascii=False)


def main() -> int:
    """Command line of ``python -m train.export``."""
    parser = argparse.ArgumentParser(
        prog="python -m train.export",
        description="Write an engine folder from a checkpoint, or the graph of an engine folder anew.",
    )
    parser.add_argument("checkpoint", type=Path, help="or an engine folder whose graph is to be rebuilt")
    parser.add_argument("folder", type=Path, nargs="?", help="engines/NAME, to be written from a checkpoint")
    parser.add_argument("--summary", default="stills and film on any CPU")
    parser.add_argument("--short-px", type=int, default=256, help="short side at which the network colors best")
    parser.add_argument(
        "--blend",
        nargs=2,
        metavar=("CHECKPOINT", "SHARE"),
        help="mix in this share of another checkpoint's weights, an earlier one of the same run",
    )
    parser.add_argument("--temperature", type=float, help="of the distribution; below the trained one is more vivid")
    parser.add_argument("--hints-by", default="", help="generator that answers where hints lie, for one without")
    parser.add_argument("--median-steps", type=int, help="from the distribution's mean towards its median")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if (options.folder is None) != options.checkpoint.is_dir():
        parser.error("give a checkpoint and the folder to write, or an engine folder alone")
    try:
        if options.folder is None:
            rebuild_graph(options.checkpoint)
            return 0
        checkpoint = Checkpoint.load(options.checkpoint)
        if options.blend:
            checkpoint = blend(checkpoint, Checkpoint.load(Path(options.blend[0])), float(options.blend[1]))
        export(
            checkpoint,
            options.folder,
            summary=options.summary,
            short_px=options.short_px,
            temperature=options.temperature,
            median_steps=options.median_steps,
            hints_by=options.hints_by,
        )
    except ArchiveColorError as e:
        log.error("%s", e)
        return e.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
