"""Pretrained models by name, of every kind: what each is for, its licence, its pinned digest.

Detectors are in `pipelines.pretrained_detectors`. None of the files is
part of this project, see `pipelines.pretrained`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from pipelines.pretrained import Kind, PretrainedModel
from pipelines.pretrained_detectors import DETECTORS
from serving.graph import IMAGENET_SCALING, RAW_SCALING, InputScaling


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainedEmbedder(PretrainedModel):
    """One embedder of 112 x 112 crops; `models wrap` makes a bundle of it."""

    kind: ClassVar[Kind] = "embedder"
    scaling: InputScaling


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainedAttributeModel(PretrainedModel):
    """One model that guesses attributes of a person."""

    kind: ClassVar[Kind] = "attribute"


EMBEDDERS: Final[Mapping[str, PretrainedEmbedder]] = MappingProxyType(
    {
        "mobilefacenet_foamliu": PretrainedEmbedder(
            file="embed/mobilefacenet_foamliu.onnx",
            sha256="b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
            licence="Apache-2.0",
            origin="github.com/foamliu/MobileFaceNet",
            architecture="MobileFaceNet, ArcFace",
            scaling=IMAGENET_SCALING,
        ),
        "faceplugin_fr_feature": PretrainedEmbedder(
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
        "insightface_mfn_y1": PretrainedEmbedder(
            file="embed/insightface_mfn_y1.onnx",
            sha256="ec6dd2116958ef6c963cdeccf74fd31416a920afbe2988e411d6fa95f346201c",
            licence="InsightFace: non-commercial research only",
            origin="github.com/deepinsight/insightface",
            architecture="MobileFaceNet y1",
            scaling=RAW_SCALING,
        ),
        "mobileface_v2": PretrainedEmbedder(
            file="embed/mobileface_v2.onnx",
            sha256="2f1a63d77d202c57e177bfc541db8fa91edc6d2118f45cf367e558ec6778d877",
            licence="MIT",
            origin="github.com/becauseofAI/MobileFace",
            architecture="MobileFace V2, 256-d",
            scaling=RAW_SCALING,
        ),
    }
)

ATTRIBUTE_MODELS: Final[Mapping[str, PretrainedAttributeModel]] = MappingProxyType(
    {
        "gear": PretrainedAttributeModel(
            file="attributes/gear_age_gender_race.onnx",
            sha256="f54d6e59616728f8afc4266be115bf695a50287f3934a283b620bfe2fe1fc4c0",
            licence="MIT as the package states; trained on UTKFace, which is research data",
            origin="github.com/Udolf15/GEAR-Predictor",
            architecture="GEAR, age in 7 bins, 2 genders, 5 ethnicities",
        ),
        "faceres": PretrainedAttributeModel(
            file="attributes/faceres_age_gender.onnx",
            sha256="030f55600ea74a4488be257301a9ccf334ad04b074ad8f2963f1eff128b7b43e",
            licence="MIT as the package states",
            origin="github.com/HSE-asavchenko/HSE_FaceRec_tf",
            architecture="MobileNet, age in years, 2 genders",
        ),
    }
)
"""Their names are those of `data.attributes.config.PredictorName`."""

CATALOGUE: Final[Mapping[str, PretrainedModel]] = MappingProxyType(
    {**EMBEDDERS, **DETECTORS, **ATTRIBUTE_MODELS}
)
"""All of them; a name is of one kind only."""
