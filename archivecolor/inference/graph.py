"""The graph that plans are built from, made from ``generator.onnx`` with its weights inside.

Three rewrites, each of which leaves the function as it is: what does not depend on the picture is computed once (so
TensorRT's parser finds axes and shapes where it needs constants), batch norms become part of their convolutions, and
for fp16 every cast is written into the graph, for strongly typed networks take their precision from there alone.

In fp16 luma comes in and chroma goes out as float32, and what turns scores into chroma stays float32: fp16 has steps
of 1/32 around a chroma of 50. So does what brings features to a length of 1. Mean CIEDE2000 of fp16 to fp32 on 33
photographs: 0.037, on the worst of them 0.20. Half of that is made by the first three convolutions, which see luma as
11 bits.

Needs the package ``onnx``; nothing but building plans and half precision on ONNX Runtime does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from archivecolor.errors import DependencyError, EngineError
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.engine import first_line
from archivecolor.installation import install_line
from archivecolor.settings import Precision

if TYPE_CHECKING:
    import onnx

Array = npt.NDArray[Any]

_FLOAT, _HALF = 1, 10  # onnx.TensorProto.FLOAT, FLOAT16
_HEAD = "Softmax"


def plan_graph(folder: EngineFolder, precision: Precision) -> bytes:
    """``folder``'s generator as one self-contained ONNX model, serialized.

    Raises `DependencyError` without ``onnx`` and `EngineError` when the graph is damaged.
    """
    try:
        import onnx
    except ImportError as e:
        raise DependencyError(
            "building plans and half precision need the package onnx", hint=install_line("cuda")
        ) from e
    folder.verify()
    try:
        model = onnx.load(folder.graph)
        resolve_casts(model)
        _fold_constants(model)
        _fuse_norms(model)
        if precision is Precision.FP16:
            _halve(model)
        _tidy(model)
        onnx.checker.check_model(model, full_check=True)
    except Exception as e:  # onnx and ONNX Runtime raise whatever their parts raise
        raise EngineError(f"{folder.graph}: no plan can be made of it: {first_line(e)}") from e
    return bytes(model.SerializeToString())


def _arrays(model: onnx.ModelProto) -> dict[str, Array]:
    from onnx import numpy_helper

    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def _replace_initializers(model: onnx.ModelProto, arrays: dict[str, Array]) -> None:
    from onnx import numpy_helper

    del model.graph.initializer[:]
    model.graph.initializer.extend(numpy_helper.from_array(v, name) for name, v in arrays.items())


def _replace_nodes(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> None:
    kept = list(nodes)
    del model.graph.node[:]
    model.graph.node.extend(kept)


def resolve_casts(model: onnx.ModelProto) -> None:
    """Turn each CastLike into the Cast it amounts to. TensorRT has none, and one keeps ONNX Runtime from fusing."""
    import onnx

    types = _types(model)
    for node in model.graph.node:
        if node.op_type == "CastLike":
            target = types[node.input[1]]
            del node.input[1]
            node.op_type = "Cast"
            node.attribute.append(onnx.helper.make_attribute("to", target))


def _types(model: onnx.ModelProto) -> dict[str, int]:
    """Element type of every tensor."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    types = {v.name: v.type.tensor_type.elem_type for v in (*graph.input, *graph.value_info, *graph.output)}
    return types | {t.name: t.data_type for t in graph.initializer}


def _fold_constants(model: onnx.ModelProto) -> None:
    """Compute once, by ONNX Runtime, every tensor that does not depend on the picture."""
    import onnx
    import onnxruntime as ort

    known = {t.name for t in model.graph.initializer}
    constant: list[onnx.NodeProto] = []
    rest: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if all(name in known for name in node.input if name):
            constant.append(node)
            known.update(node.output)
        else:
            rest.append(node)
    used = {name for node in rest for name in node.input}
    wanted = [name for node in constant for name in node.output if name in used]
    if not wanted:
        return
    types = _types(model)
    outputs = [onnx.helper.make_tensor_value_info(name, types[name], None) for name in wanted]
    part = onnx.helper.make_graph(constant, "constants", [], outputs, list(model.graph.initializer))
    runnable = onnx.helper.make_model(part, opset_imports=model.opset_import, ir_version=model.ir_version)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(runnable.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values = dict(zip(wanted, session.run(wanted, {}), strict=True))
    arrays = {name: v for name, v in _arrays(model).items() if name in used}
    _replace_initializers(model, arrays | {name: np.asarray(v) for name, v in values.items()})
    _replace_nodes(model, rest)


def _fuse_norms(model: onnx.ModelProto) -> None:
    """Scale and shift each convolution by the batch norm that follows it, in float64."""
    arrays = _arrays(model)
    readers: dict[str, int] = {}
    for node in model.graph.node:
        for name in node.input:
            readers[name] = readers.get(name, 0) + 1
    maker = {name: node for node in model.graph.node for name in node.output}
    gone = []
    for norm in model.graph.node:
        if norm.op_type != "BatchNormalization":
            continue
        conv = maker.get(norm.input[0])
        if conv is None or conv.op_type != "Conv" or readers[conv.output[0]] != 1:
            continue
        weight, bias = _fused(conv, norm, arrays)
        arrays[f"{norm.output[0]}.weight"], arrays[f"{norm.output[0]}.bias"] = weight, bias
        conv.input[:] = [conv.input[0], f"{norm.output[0]}.weight", f"{norm.output[0]}.bias"]
        conv.output[0] = norm.output[0]
        gone.append(norm)
    for norm in gone:
        model.graph.node.remove(norm)
    used = {name for node in model.graph.node for name in node.input}
    _replace_initializers(model, {name: v for name, v in arrays.items() if name in used})


def _fused(conv: onnx.NodeProto, norm: onnx.NodeProto, arrays: dict[str, Array]) -> tuple[Array, Array]:
    """Weight and bias of a convolution that does what ``conv`` and then ``norm`` do."""
    epsilon = next((a.f for a in norm.attribute if a.name == "epsilon"), 1e-5)
    scale, shift, mean, variance = (arrays[name].astype(np.float64) for name in norm.input[1:])
    weight = arrays[conv.input[1]].astype(np.float64)
    bias = arrays[conv.input[2]].astype(np.float64) if len(conv.input) > 2 else np.zeros(len(weight))
    gain = scale / np.sqrt(variance + epsilon)
    fused = weight * gain.reshape(-1, *[1] * (weight.ndim - 1))
    return fused.astype(np.float32), ((bias - mean) * gain + shift).astype(np.float32)


def _halve(model: onnx.ModelProto) -> None:
    """Compute in fp16, by explicit casts, all but what follows the last scores."""
    types = _types(model)
    exact = _after_scores(model) | _features_alone(model)
    casts = _Casts(_arrays(model), {v.name for v in model.graph.input})
    for node in model.graph.node:
        kind = _FLOAT if node.output[0] in exact else _HALF
        follow = 1 if node.op_type == "Resize" else len(node.input)  # the scales of a Resize are always float32
        for i, name in enumerate(node.input[:follow]):
            if types.get(name) == _FLOAT:
                node.input[i] = casts.read(name, kind)
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == _FLOAT:
                attribute.i = kind
        if kind == _FLOAT:
            casts.full.update(node.output)
        casts.nodes.append(node)
    used = {name for node in casts.nodes for name in node.input}
    _replace_initializers(model, {name: v for name, v in casts.arrays.items() if name in used})
    _replace_nodes(model, casts.nodes)


class _Casts:
    """Nodes in order, with a cast before the first that reads a tensor in another precision than it is made in."""

    def __init__(self, arrays: dict[str, Array], full: set[str]) -> None:
        self.arrays = arrays
        self.full = full
        """Tensors that are made in float32; all other computed ones are fp16."""
        self.nodes: list[onnx.NodeProto] = []
        self._made: set[str] = set()

    def read(self, name: str, kind: int) -> str:
        """The name under which float tensor ``name`` is read as ``kind``."""
        import onnx

        constant = name in self.arrays
        if kind == (_FLOAT if constant or name in self.full else _HALF):
            return name
        other = f"{name}.{'fp16' if kind == _HALF else 'fp32'}"
        if constant:
            self.arrays[other] = self.arrays[name].astype(np.float16)
        elif other not in self._made:
            self._made.add(other)
            self.nodes.append(onnx.helper.make_node("Cast", [name], [other], name=other, to=kind))
        return other


def _after_scores(model: onnx.ModelProto) -> set[str]:
    """Tensors from the scores' softmax, the last one, to the chroma; and those that lead only there."""
    last = max(i for i, node in enumerate(model.graph.node) if node.op_type == _HEAD)
    nodes = model.graph.node
    exact = {name for node in nodes[last:] for name in node.output}
    scale = next((n for n in nodes if n.output[0] == nodes[last].input[0] and n.op_type == "Div"), None)
    return exact | (set(scale.output) if scale else set())


def _features_alone(model: onnx.ModelProto) -> set[str]:
    """Tensors that lead to the features and nowhere else: the lengths that they are divided by are sums of squares."""
    makers = {name: node for node in model.graph.node for name in node.output}
    behind: dict[str, set[str]] = {}
    for output in model.graph.output:
        found, waiting = set[str](), [output.name]
        while waiting:
            node = makers.get(waiting.pop())
            if node and not found.issuperset(node.output):
                found.update(node.output)
                waiting.extend(node.input)
        behind[output.name] = found
    others = set[str]().union(*(found for name, found in behind.items() if name != "features"))
    return behind.get("features", set()) - others


def _tidy(model: onnx.ModelProto) -> None:
    """Leave out what only people read, and types that no longer hold."""
    del model.graph.value_info[:]
    del model.graph.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output):
        del value.metadata_props[:]
