"""The networks that a detector's folder may hold: their names and their pinned digests."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from data.detection.config import DetectorConfig, MtcnnConfig

MTCNN_SHA256: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pnet.onnx": "e24e553f0e40e62e409aced07951383e5837cdeede7e434070c6378e4de1dba9",
        "rnet.onnx": "8cfb622e2c1aa7b2bf18bca947d6a7727b6d709e244da830230e55f47fdddf6c",
        "onet.onnx": "48dde55dcabbe4fe5d2e3793955a3aaa0ec2c529130bdddb3616ce2ef5d65fd0",
    }
)
"""MTCNN's three files, as `data.detection.mtcnn_weights` builds them."""
NETWORK_SHA256: Final[Mapping[str, str]] = MappingProxyType(
    {
        "yunet_2026may": "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0",
        "retinaface_mnet025_640": (
            "f8cce06cdfa5d2a07a8378c8cff4c4f33f0b00a3f24d9ef53042ff591a881eb7"
        ),
        "scrfd_2.5g_bnkps": "bc24bb349491481c3ca793cf89306723162c280cb284c5a5e49df3760bf5c2ce",
        "det_500m": "5e4447f50245bbd7966bd6c0fa52938c61474a04ec7def48753668a9d8b4ea3a",
    }
)
"""Of every other network, by the name that a detector's `weights` gives."""


def network_file(weights: str) -> str:
    """Name of a network's file in a detector's folder."""
    return f"{weights}.onnx"


def network_files(config: DetectorConfig) -> tuple[str, ...]:
    """Names of all files that a detector needs in its folder."""
    if isinstance(config, MtcnnConfig):
        return tuple(MTCNN_SHA256)
    return (network_file(config.weights),)
