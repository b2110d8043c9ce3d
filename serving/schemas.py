"""What the server answers when all went well, as types and with examples."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from data.face import LANDMARK_NAMES
from data.quality import Quality
from data.quality_policy import Advice as PhotoAdvice
from serving.comparison import Comparison, ModelIdentity, PhotoReport

_COMPONENT_SUFFIX: Final = "_quality"
_NATIVE_MEASURES: Final = (
    "detection_score",
    "eye_distance_px",
    "alignment_residual_px",
    "sharpness",
    "brightness",
    "contrast",
)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Health(_Answer):
    """The state of the server."""

    status: Literal["alive", "ready"]


class Model(_Answer):
    """Which model decided."""

    name: str
    version: str | None = Field(description="The registry's, or null for a bundle from a folder.")
    bundle_digest: str = Field(description="SHA-256 of the bundle's release.json, in hex.")
    contract_id: str = Field(description="How faces are aligned and scaled for this model.")


class Point(_Answer):
    """A place in a photo, in pixels from its upper left corner."""

    x: float
    y: float


class Box(_Answer):
    """A rectangle in a photo, in pixels; (x0, y0) is its upper left corner."""

    x0: float
    y0: float
    x1: float
    y1: float


class QualityComponents(_Answer):
    """Each from 0 (useless) to 100 (nothing to wish for), after ISO/IEC 29794-5's components."""

    detection: float
    eye_distance: float
    alignment: float
    sharpness: float
    underexposure: float
    overexposure: float
    dynamic_range: float
    light_balance: float
    eyes_visible: float
    mouth_visible: float
    skin_colour: float
    compression: float
    yaw: float
    pitch: float
    roll: float


class Advice(_Answer):
    """One thing that would make a photo better."""

    code: str = Field(description="Stable; where there is a problem of this code, its mild form.")
    component: str = Field(description="Which of `components` is low.")
    value: float = Field(description="Of the component, 0 to 100.")
    text: str = Field(description="What to do about it, for people.")

    @classmethod
    def of(cls, advice: PhotoAdvice) -> "Advice":
        """The answer for one piece of advice."""
        component = advice.component.removesuffix(_COMPONENT_SUFFIX)
        return cls(code=advice.code, component=component, value=advice.value, text=advice.text)


class PhotoQuality(_Answer):
    """How well a photo shows its face: advice for people, no part of the similarity."""

    detection_score: float = Field(description="The detector's confidence, 0 to 1.")
    eye_distance_px: float = Field(description="Between the two eyes, in pixels.")
    alignment_residual_px: float = Field(
        description="How far the landmarks stay from a frontal face's, in crop pixels."
    )
    sharpness: float
    brightness: float
    contrast: float
    overall: float = Field(description="The face as a whole, 0 to 100: its worst component.")
    components: QualityComponents

    @classmethod
    def of(cls, quality: Quality) -> "PhotoQuality":
        """The answer for one face."""
        native = {name: getattr(quality, name) for name in _NATIVE_MEASURES}
        components = {
            name: getattr(quality, name + _COMPONENT_SUFFIX)
            for name in QualityComponents.model_fields
        }
        return cls(**native, overall=quality.quality, components=QualityComponents(**components))


class Photo(_Answer):
    """What was seen in one photo."""

    width: int = Field(description="In pixels, after the EXIF orientation was applied.")
    height: int = Field(description="In pixels, after the EXIF orientation was applied.")
    face_box: Box
    landmarks: dict[str, Point] = Field(description="Left and right as seen in the photo.")
    quality: PhotoQuality
    advice: list[Advice] = Field(description="What would make the photo better, the worst first.")

    @classmethod
    def of(cls, report: PhotoReport) -> "Photo":
        """The answer for one photo."""
        x0, y0, x1, y1 = report.face.box_px
        points = report.face.landmarks_px.tolist()
        return cls(
            width=report.width_px,
            height=report.height_px,
            face_box=Box(x0=x0, y0=y0, x1=x1, y1=y1),
            landmarks={
                name: Point(x=x, y=y) for name, (x, y) in zip(LANDMARK_NAMES, points, strict=True)
            },
            quality=PhotoQuality.of(report.quality),
            advice=[Advice.of(one) for one in report.advice],
        )


class Photos(_Answer):
    """What was seen in both photos."""

    image1: Photo
    image2: Photo


class TimingsMs(_Answer):
    """Where the time went, in milliseconds.

    Decode, detect and embed are sums over both photos, which are worked on side by side: together
    they may be more than the total.
    """

    queue: float = Field(description="Waiting for a worker.")
    decode: float
    detect: float = Field(description="Finding and choosing the face, and measuring its quality.")
    embed: float = Field(description="Aligning the faces and running the network.")
    total: float = Field(description="All of it except the queue.")


_EXAMPLE_PHOTO: Final[dict[str, Any]] = {
    "width": 640,
    "height": 480,
    "face_box": {"x0": 221.4, "y0": 98.0, "x1": 398.2, "y1": 331.7},
    "landmarks": {
        "left_eye": {"x": 268.1, "y": 190.3},
        "right_eye": {"x": 350.6, "y": 189.2},
        "nose": {"x": 309.9, "y": 238.8},
        "left_mouth": {"x": 275.0, "y": 281.4},
        "right_mouth": {"x": 344.3, "y": 280.9},
    },
    "quality": {
        "detection_score": 0.998,
        "eye_distance_px": 82.5,
        "alignment_residual_px": 1.7,
        "sharpness": 212.0,
        "brightness": 131.0,
        "contrast": 48.0,
        "overall": 33.5,
        "components": {
            "detection": 99.8,
            "eye_distance": 100.0,
            "alignment": 98.8,
            "sharpness": 33.5,
            "underexposure": 98.5,
            "overexposure": 97.7,
            "dynamic_range": 88.1,
            "light_balance": 91.7,
            "eyes_visible": 96.2,
            "mouth_visible": 99.1,
            "skin_colour": 97.4,
            "compression": 98.9,
            "yaw": 98.2,
            "pitch": 96.5,
            "roll": 99.9,
        },
    },
    "advice": [
        {
            "code": "too_blurry",
            "component": "sharpness",
            "value": 33.5,
            "text": "Hold still, wipe the lens and take the photo again.",
        }
    ],
}
_EXAMPLE: Final[dict[str, Any]] = {
    "is_same_person": True,
    "similarity_score": 0.71,
    "threshold": 0.36,
    "operating_point": "fmr_1e-3",
    "model": {
        "name": "examgate",
        "version": "7",
        "bundle_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "contract_id": "arcface-112-rgb-v1",
    },
    "images": {"image1": _EXAMPLE_PHOTO, "image2": _EXAMPLE_PHOTO},
    "timings_ms": {"queue": 0.1, "decode": 2.4, "detect": 21.0, "embed": 11.3, "total": 18.2},
    "request_id": "2f1c9d5e8b7a4c30b6e1d2f3a4b5c6d7",
}


class CompareResponse(_Answer):
    """The decision about two photos, and all that it rests on."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    is_same_person: bool = Field(description="Whether the similarity reaches the threshold.")
    similarity_score: float = Field(ge=-1, le=1, description="Cosine of the two embeddings.")
    threshold: float = Field(description="The model's own, at its operating point.")
    operating_point: str = Field(description="Named by the false match rate it was chosen for.")
    model: Model
    images: Photos
    timings_ms: TimingsMs
    request_id: str = Field(description="The same as in the `X-Request-ID` header.")

    @classmethod
    def of(
        cls, comparison: Comparison, model: ModelIdentity, queue_ms: float, request_id: str
    ) -> "CompareResponse":
        """The answer for one comparison."""
        photo1, photo2 = comparison.photos
        stages = dict(comparison.timings.stages())
        return cls(
            is_same_person=comparison.is_same_person,
            similarity_score=comparison.similarity,
            threshold=comparison.threshold,
            operating_point=comparison.operating_point,
            model=Model(
                name=model.name,
                version=model.version,
                bundle_digest=model.bundle_digest,
                contract_id=model.contract_id,
            ),
            images=Photos(image1=Photo.of(photo1), image2=Photo.of(photo2)),
            timings_ms=TimingsMs(queue=queue_ms, **stages),
            request_id=request_id,
        )
