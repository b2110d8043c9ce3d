"""MTCNN's three graph files, and loading them.

All take RGB uint8 pictures in NHWC order and scale them themselves.

    pnet.onnx   image (n, h, w, 3)    -> face (n, h', w'), box_offsets (n, h', w', 4)
    rnet.onnx   image (n, 24, 24, 3)  -> face (n,), box_offsets (n, 4)
    onet.onnx   image (n, 48, 48, 3)  -> face (n,), box_offsets (n, 4), landmarks (n, 10)
"""

from pathlib import Path
from typing import Final

from data.detection.network import Network
from data.detection.pinned import MTCNN_SHA256

REMEDY: Final = "build it with data.detection.mtcnn_weights.build_mtcnn"


def open_graph(folder: Path, name: str, threads: int) -> Network:
    """Load one of the three; raises `WeightsError` where it is missing or not the pinned file."""
    return Network(folder / name, MTCNN_SHA256[name], REMEDY, threads)
