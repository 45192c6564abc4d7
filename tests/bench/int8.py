"""What an int8 decoder would cost and gain on this CPU: ``python -m tests.bench.int8 CALIBRATION EVALUATION``.

Both are folders of photographs. The decoder's 3 x 3 convolutions, two thirds of the network's time, are quantized by
ONNX Runtime's static quantization (QDQ, symmetric, weights per channel), calibrated on the first folder; chroma is
compared with fp32's on the second, at its own size. Prints one JSON line.

No int8 generator ships. It would have to be at least 1.3 times as fast and, as fp16 has to, stay within a mean
CIEDE2000 of 0.1 of fp32 on photographs that it was not calibrated on. The first shipped generator, calibrated on 41
photographs, was 1.54 times as fast (22.4 CPU-ms for 34.4) but 0.185 off on 300 others: 0.88 in one pixel of a hundred,
9.9 at worst. Of a one-megapixel JPEG's 58 CPU-ms it would have saved 12, of a film frame's, with ``--every 8``, two.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime as ort

from archivecolor import metrics
from archivecolor.chroma.network_input import network_y, shrink
from archivecolor.color import FloatArray, gray_to_lightness, luma_of
from archivecolor.frames import Orientation
from archivecolor.inference import catalog
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.graph import plan_graph
from archivecolor.settings import Precision

BOUND_MEAN, LEAST_GAIN = 0.1, 1.3
_CALIBRATED_ON = 64


def inputs(folder: Path, engine: EngineFolder, most: int | None = None) -> list[FloatArray]:
    """What the generator sees of the photographs in a folder, ``[1, 1, h, w]`` each."""
    made = []
    for path in sorted(folder.iterdir())[:most]:
        rgb = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if rgb is not None:
            luma = luma_of(np.asarray(rgb, np.uint8))
            made.append(network_y(luma, Orientation.UPRIGHT, engine.short_px, engine.multiple)[None, None])
    return made


def quantized(graph: bytes, calibration: list[FloatArray], folder: Path) -> bytes:
    """The graph with its decoder in int8."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(calibration)

        def get_next(self) -> dict[str, Any] | None:
            luma = next(self._left, None)
            return None if luma is None else {"luma": luma}

    full, half = folder / "fp32.onnx", folder / "int8.onnx"
    full.write_bytes(graph)
    model = onnx.load_from_string(graph)
    sizes = {i.name: list(i.dims) for i in model.graph.initializer}
    convolutions = [n for n in model.graph.node if n.op_type == "Conv"]
    context = max(i for i, n in enumerate(convolutions) if "context" in n.input[1])
    decoder = [n.name for n in convolutions[context + 1 :] if sizes[n.input[1]][2:] == [3, 3]]
    symmetric = {"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_static(
            full,
            half,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            nodes_to_quantize=decoder,
            extra_options=symmetric,
        )
    return half.read_bytes()


def session(graph: bytes) -> ort.InferenceSession:
    """On one thread, for a fair count."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.int8", description=__doc__)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("evaluation", type=Path)
    options = parser.parse_args()
    engine = catalog.find()
    graph = plan_graph(engine, Precision.FP32)
    with tempfile.TemporaryDirectory() as folder:
        int8 = quantized(graph, inputs(options.calibration, engine, _CALIBRATED_ON), Path(folder))
    sessions = (session(graph), session(int8))
    times: tuple[list[float], list[float]] = ([], [])
    apart = []
    for luma in inputs(options.evaluation, engine):
        labs = []
        for one, spent in zip(sessions, times, strict=True):
            began = time.process_time()
            ab = np.asarray(one.run(["chroma"], {"luma": luma})[0], np.float32)[0]
            spent.append(1000 * (time.process_time() - began))
            small = shrink(np.asarray(np.rint(luma[0, 0] * 255), np.uint8), (ab.shape[1], ab.shape[2]))
            labs.append(np.concatenate((gray_to_lightness(small)[..., None], ab.transpose(1, 2, 0)), axis=-1))
        apart.append(metrics.ciede2000(*labs).ravel())
    all_apart = np.concatenate(apart)
    mean, p99, gain = float(all_apart.mean()), float(np.quantile(all_apart, 0.99)), median(times[0]) / median(times[1])
    result = {
        "pictures": len(apart),
        "fp32_cpu_ms": round(median(times[0]), 1),
        "int8_cpu_ms": round(median(times[1]), 1),
        "gain": round(gain, 2),
        "ciede2000_mean": round(mean, 3),
        "ciede2000_p99": round(p99, 2),
        "ciede2000_largest": round(float(all_apart.max()), 2),
        "megabytes": [round(len(graph) / 1e6, 1), round(len(int8) / 1e6, 1)],
        "good": gain >= LEAST_GAIN and mean <= BOUND_MEAN,
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
