"""How faces are looked for, and which face of a photo is taken."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]


class DetectorConfig(BaseModel):
    """Settings of the face detector. They travel with a release: thresholds depend on them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    threads: int = Field(default=1, ge=1)
    """Threads of each network. One is fastest for VGA pictures and leaves cores to other calls."""


class FacePolicy(BaseModel):
    """Which face of a photo counts, and when it is good enough to be compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
