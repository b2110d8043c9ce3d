"""Putting a detector's networks into a folder, on the builder's side."""

from pathlib import Path

from data.detection.config import DetectorConfig, MtcnnConfig
from data.detection.mtcnn_weights import build_mtcnn
from data.detection.pinned import network_file
from data.files import whole_file
from pipelines.pretrained import verified
from pipelines.pretrained_detectors import DETECTORS


def install_detector(root: Path, config: DetectorConfig, folder: Path) -> None:
    """Put the networks that a detector needs into a folder.

    MTCNN is built out of the installed package; any other is found or fetched by its pinned digest.
    Raises `WeightsError` or `ModelError`.
    """
    if isinstance(config, MtcnnConfig):
        build_mtcnn(folder)
        return
    content = verified(root, config.weights, DETECTORS[config.weights])
    with whole_file(folder / network_file(config.weights)) as partial:
        partial.write_bytes(content)
