"""A detector by its settings: all that a server, a stage or a benchmark needs to know."""

from pathlib import Path
from typing import Final

from data.detection import retinaface, scrfd, yunet
from data.detection.base import Detector
from data.detection.config import (
    DetectorConfig,
    MtcnnConfig,
    RetinafaceConfig,
    ScrfdConfig,
    YunetConfig,
)
from data.detection.mtcnn import Mtcnn
from data.detection.network import Network
from data.detection.pinned import NETWORK_SHA256, network_file
from data.detection.second_try import SecondTry
from data.detection.single_shot import Reading, SingleShot

_COARSEST_STRIDE_PX: Final = 32


def open_detector(folder: Path, config: DetectorConfig, threads: int = 1) -> Detector:
    """Load the detector that the settings name out of a folder with its networks.

    `threads` is for each run of a network: one is fastest for VGA pictures and leaves cores to
    other calls. Raises `WeightsError` where a network is missing or not the pinned one.
    """
    detector = _first_look(folder, config, threads)
    return SecondTry(detector) if config.second_try == "equalised" else detector


def _first_look(folder: Path, config: DetectorConfig, threads: int) -> Detector:
    if isinstance(config, MtcnnConfig):
        return Mtcnn.from_folder(folder, config, threads)
    remedy = f"`examgate models fetch {config.weights}`, or fetch the bundle again"
    path = folder / network_file(config.weights)
    network = Network(path, NETWORK_SHA256[config.weights], remedy, threads)
    return SingleShot(network, _reading(config))


def _reading(config: YunetConfig | RetinafaceConfig | ScrfdConfig) -> Reading:
    if isinstance(config, RetinafaceConfig):
        max_side_px = multiple_px = retinaface.CANVAS_PX
    else:
        max_side_px, multiple_px = config.max_side_px, _COARSEST_STRIDE_PX
    module = {"yunet": yunet, "retinaface": retinaface, "scrfd": scrfd}[config.name]
    return Reading(
        network_input=module.network_input,
        decode=module.decode,
        max_side_px=max_side_px,
        multiple_px=multiple_px,
        score_threshold=config.score_threshold,
        overlap=config.overlap,
    )
