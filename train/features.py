"""Write the graph whose features `archivecolor.evaluation.frechet` compares: ``python -m train.features``.

EfficientNet-Lite0 with its ImageNet weights (Apache-2.0), as the generators' encoder begins, but for color pictures:
up to 1/32 of the input, averaged over the picture. Never trained further, so figures of different generators compare.
"""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from archivecolor.evaluation.frechet import GRAPH, SIDE_PX
from archivecolor.inference.torch_encoder import Encoder, EncoderKind
from train.export import OPSET
from train.networks import imagenet_weights

log = logging.getLogger("train.features")


class PooledFeatures(nn.Module):
    """The encoder's features at 1/32 of RGB pictures, averaged over each picture."""

    def __init__(self) -> None:
        super().__init__()
        weights = imagenet_weights(EncoderKind.LITE0)
        self.encoder = Encoder(EncoderKind.LITE0)
        self.encoder.load_imagenet(weights)
        stem = self.encoder.stem[0]
        assert isinstance(stem, nn.Conv2d)
        stem.weight = nn.Parameter(next(iter(weights.values())))  # all three colors; the encoder sums them for luma

    def forward(self, rgb: Tensor) -> Tensor:
        """Map ``[n, 3, h, w]`` sRGB-coded values in 0..1 to ``[n, 320]``."""
        last: Tensor = self.encoder(rgb)[-1]
        return last.mean(dim=(2, 3))


def write(path: Path) -> None:
    """Write the graph, its matrices and kernels in fp16."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            PooledFeatures().eval(),
            (torch.rand(2, 3, SIDE_PX, SIDE_PX),),
            input_names=["rgb"],
            output_names=["features"],
            dynamic_shapes=({0: torch.export.Dim("n", max=256)},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _halve_weights(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    log.info("%s written: %d bytes", path, path.stat().st_size)


def _halve_weights(model: onnx.ModelProto) -> None:
    """Store kernels in fp16, each followed by a cast: computing stays in float32."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) > 1:
            name = tensor.name
            half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.fp16")
            tensor.CopyFrom(half)
            casts.append(helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT))
    del model.metadata_props[:]
    del model.graph.value_info[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for i, cast in enumerate(casts):
        model.graph.node.insert(i, cast)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    write(GRAPH)
