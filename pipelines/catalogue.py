"""Pretrained embedders that can be wrapped as bundles: by name, licence, digest and scaling.

None of them is part of this project. A file is taken from the weights folder, or out of the
public npm package that carries it, and its digest is checked before a byte of it is parsed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from serving.graph import IMAGENET_SCALING, RAW_SCALING, InputScaling


@dataclass(frozen=True, slots=True)
class PretrainedModel:
    """One embedder of 112 x 112 crops."""

    file: str
    """Path below the weights folder."""
    sha256: str
    licence: str
    """As its source states it."""
    origin: str
    """Who published it."""
    architecture: str
    scaling: InputScaling
    npm_package: str | None = None
    """`name@version` of the public npm package that carries it; None where none does."""
    npm_member: str | None = None
    """Path of the file inside that package."""


CATALOGUE: Final[Mapping[str, PretrainedModel]] = MappingProxyType(
    {
        "mobilefacenet_foamliu": PretrainedModel(
            file="embed/mobilefacenet_foamliu.onnx",
            sha256="b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
            licence="Apache-2.0",
            origin="github.com/foamliu/MobileFaceNet",
            architecture="MobileFaceNet, ArcFace",
            scaling=IMAGENET_SCALING,
        ),
        "faceplugin_fr_feature": PretrainedModel(
            file="embed/faceplugin_fr_feature.onnx",
            sha256="87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581",
            licence="MIT as stated; origin of the weights unclear",
            origin="github.com/Faceplugin-ltd/FaceRecognition-LivenessDetection-Javascript",
            architecture="512-d embedder",
            npm_package="faceplugin@1.0.3",
            npm_member="package/model/fr_feature.onnx",
            scaling=InputScaling(
                mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0), colour_order="bgr"
            ),
        ),
        "insightface_mfn_y1": PretrainedModel(
            file="embed/insightface_mfn_y1.onnx",
            sha256="ec6dd2116958ef6c963cdeccf74fd31416a920afbe2988e411d6fa95f346201c",
            licence="InsightFace: non-commercial research only",
            origin="github.com/deepinsight/insightface",
            architecture="MobileFaceNet y1",
            scaling=RAW_SCALING,
        ),
    }
)
