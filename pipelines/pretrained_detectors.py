"""Networks of detectors that can be fetched, and under which licence each detector may be used."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from data.detection.config import DetectorConfig, MtcnnConfig
from data.detection.pinned import NETWORK_SHA256
from pipelines.pretrained import Kind, PretrainedModel

MTCNN_LICENCE: Final = "MIT (PyPI package mtcnn 1.0.0)"
_NON_COMMERCIAL: Final = "InsightFace: non-commercial research only"
_OPENCV_ZOO: Final = "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models"


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainedDetector(PretrainedModel):
    """One network of a detector; `align.detector.weights` names it."""

    kind: ClassVar[Kind] = "detector"


DETECTORS: Final[Mapping[str, PretrainedDetector]] = MappingProxyType(
    {
        "yunet_2026may": PretrainedDetector(
            file="detect/yunet_2026may.onnx",
            sha256=NETWORK_SHA256["yunet_2026may"],
            licence="MIT",
            origin="github.com/opencv/opencv_zoo",
            architecture="YuNet, 76 thousand weights",
            url=f"{_OPENCV_ZOO}/face_detection_yunet/face_detection_yunet_2026may.onnx",
        ),
        "retinaface_mnet025_640": PretrainedDetector(
            file="detect/retinaface_mnet025_640.onnx",
            sha256=NETWORK_SHA256["retinaface_mnet025_640"],
            licence="MIT",
            origin="github.com/biubug6/Pytorch_Retinaface",
            architecture="RetinaFace, MobileNet-0.25",
        ),
        "scrfd_2.5g_bnkps": PretrainedDetector(
            file="detect/scrfd_2.5g_bnkps.onnx",
            sha256=NETWORK_SHA256["scrfd_2.5g_bnkps"],
            licence=_NON_COMMERCIAL,
            origin="github.com/deepinsight/insightface",
            architecture="SCRFD 2.5 GFLOP",
        ),
        "det_500m": PretrainedDetector(
            file="detect/det_500m.onnx",
            sha256=NETWORK_SHA256["det_500m"],
            licence=_NON_COMMERCIAL,
            origin="github.com/deepinsight/insightface",
            architecture="SCRFD 0.5 GFLOP",
        ),
    }
)
"""MTCNN is not here: it is built out of the installed PyPI package `mtcnn`."""


def detector_licence(config: DetectorConfig) -> str:
    """Under which a detector's networks may be used, as their source states it."""
    if isinstance(config, MtcnnConfig):
        return MTCNN_LICENCE
    return DETECTORS[config.weights].licence
