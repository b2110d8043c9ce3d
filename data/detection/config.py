"""How faces are looked for, and which face of a photo is taken."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Share = Annotated[float, Field(gt=0, lt=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Detector(_Frozen):
    second_try: Literal["none", "equalised"] = "none"
    """What happens where no face is found: nothing more, or a look at the equalised picture."""


class MtcnnConfig(_Detector):
    """MTCNN (Zhang et al. 2016); the thresholds are those of the authors' released code."""

    name: Literal["mtcnn"] = "mtcnn"
    """Which detector."""
    min_face_px: int = Field(default=40, ge=12)
    """Faces smaller than this side length, after shrinking to `max_side_px`, are not looked for."""
    max_side_px: int = Field(default=1024, ge=64)
    """Larger pictures are shrunk to this before the search; results are in original pixels."""
    scale_factor: Share = 0.709
    """Ratio of neighbouring levels of the picture pyramid; the root of one half halves the area."""
    proposal_threshold: Share = 0.6
    """Least face probability of the proposal network (P-Net)."""
    refine_threshold: Share = 0.7
    """Least face probability of the refinement network (R-Net)."""
    output_threshold: Share = 0.7
    """Least face probability of the output network (O-Net)."""
    level_overlap: Share = 0.5
    """Proposals of one pyramid level that overlap by more (intersection over union) are merged."""
    overlap: Share = 0.7
    """The same across levels, after refinement and, over the smaller box, in the output."""


class YunetConfig(_Detector):
    """YuNet (Wu et al. 2023), as OpenCV's model zoo publishes it."""

    name: Literal["yunet"] = "yunet"
    """Which detector."""
    weights: Literal["yunet_2026may"] = "yunet_2026may"
    """The network: the weights of 2023, published again in 2026 for pictures of any size."""
    max_side_px: int = Field(default=640, ge=64)
    """Larger pictures are shrunk to this before the search; results are in original pixels."""
    score_threshold: Share = 0.6
    """Least score, the root of class times objectness; 0.6 is the published demo's."""
    overlap: Share = 0.3
    """Boxes that overlap by more (intersection over union) are one face; the published value."""


class RetinafaceConfig(_Detector):
    """RetinaFace (Deng et al. 2020) on MobileNet-0.25; searches a canvas of 640 x 640 pixels."""

    name: Literal["retinaface"] = "retinaface"
    """Which detector."""
    weights: Literal["retinaface_mnet025_640"] = "retinaface_mnet025_640"
    """The network."""
    score_threshold: Share = 0.6
    """Least face probability; 0.6 is what the published demo shows."""
    overlap: Share = 0.4
    """Boxes that overlap by more (intersection over union) are one face; the published value."""


class ScrfdConfig(_Detector):
    """SCRFD (Guo et al. 2021) with landmarks. The weights are for non-commercial research only."""

    name: Literal["scrfd"] = "scrfd"
    """Which detector."""
    weights: Literal["scrfd_2.5g_bnkps", "det_500m"] = "scrfd_2.5g_bnkps"
    """The network: 2.5 or 0.5 GFLOP for a VGA picture."""
    max_side_px: int = Field(default=640, ge=64)
    """Larger pictures are shrunk to this before the search; results are in original pixels."""
    score_threshold: Share = 0.5
    """Least face probability; the published value."""
    overlap: Share = 0.4
    """Boxes that overlap by more (intersection over union) are one face; the published value."""


DetectorConfig = Annotated[
    MtcnnConfig | YunetConfig | RetinafaceConfig | ScrfdConfig, Field(discriminator="name")
]
"""Settings of a detector, told apart by `name`. They travel with a release: thresholds depend on
them. How many threads a network may use is the machine's business and is not here."""

DETECTOR_CONFIG: Final[TypeAdapter[DetectorConfig]] = TypeAdapter(DetectorConfig)
"""Reads any detector's settings out of plain data."""


class FacePolicy(_Frozen):
    """Which face of a photo counts, and when it is good enough to be compared."""

    selection: Literal["exactly_one", "largest_central"] = "exactly_one"
    """`exactly_one` refuses a photo of several people; `largest_central` takes the main one."""
    ignore_smaller_than: float = Field(default=0.25, ge=0, le=1)
    """Under `exactly_one`, a face below this share of the largest face's area is background."""
    min_eye_distance_px: float = Field(default=20.0, ge=0)
    """The crop has its eyes 35 pixels apart; below 20 most of its detail would be invented."""
    max_nose_offset: float = Field(default=0.55, gt=0)
    """How far the nose may lie off the middle of the eyes, along the eye axis, in eye distances.

    The nose tip stands about 0.45 eye distances out of the eye plane, so a head turned by the angle
    y shows an offset near 0.45 tan(y): 0 is frontal, 0.26 is 30 degrees, 0.45 is 45 degrees, 0.55
    is 50 degrees.
    """
