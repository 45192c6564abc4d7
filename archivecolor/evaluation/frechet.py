"""How far colored pictures are, as a set, from the true ones: the Frechet distance of a pretrained network's features.

The network is EfficientNet-Lite0 as trained on ImageNet, which the generators' encoder began as (``encoder.onnx``,
written by ``train/features.py``; Apache-2.0). Figures compare with each other over the same pictures and with nothing
else: this is not the Inception network of the published FID, and with fewer pictures every distance is larger.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from archivecolor.color import FloatArray, UIntArray
from archivecolor.errors import EngineError
from archivecolor.inference.engine import first_line

GRAPH: Final = Path(__file__).with_name("encoder.onnx")
SIDE_PX: Final = 224
"""Pictures are squeezed to this square, as the network was trained."""


class EncoderFeatures:
    """The pretrained network. Thread-safe."""

    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(str(GRAPH), options, providers=["CPUExecutionProvider"])
        except Exception as e:  # ONNX Runtime's exceptions share no base class but Exception
            raise EngineError(f"{GRAPH}: cannot be loaded: {first_line(e)}", hint="reinstall archivecolor") from e

    def __call__(self, pictures: list[UIntArray]) -> FloatArray:
        """Features ``[n, 320]`` of 8-bit RGB pictures ``[h, w, 3]`` of any size."""
        squares = [cv2.resize(p, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA) for p in pictures]
        given = np.stack(squares).transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
        return np.asarray(self._session.run(["features"], {"rgb": given})[0], np.float32)


def frechet_distance(features1: npt.NDArray[np.floating], features2: npt.NDArray[np.floating]) -> float:
    """Squared Frechet distance of the normal distributions that fit ``[n, d]`` and ``[m, d]`` features.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2), Dowson & Landau (1982); used on pictures by Heusel et al. (2017). The
    trace of the root is the sum of the singular values of R1 R2', where R'R is a covariance: the centerd features
    themselves serve as R, so nothing that is singular is inverted and no root of a matrix is taken.
    0 with fewer than two pictures on either side, for one has no covariance.
    """
    if min(len(features1), len(features2)) < 2:
        return 0.0
    one, two = (f.astype(np.float64) for f in (features1, features2))
    mean1, mean2 = one.mean(axis=0), two.mean(axis=0)
    root1, root2 = (one - mean1) / np.sqrt(len(one) - 1), (two - mean2) / np.sqrt(len(two) - 1)
    shared = np.linalg.svd(root1 @ root2.T, compute_uv=False).sum()
    between = np.square(mean1 - mean2).sum()
    return float(max(0.0, between + np.square(root1).sum() + np.square(root2).sum() - 2 * shared))
