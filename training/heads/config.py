"""Which loss, and how sharp; one model for each kind."""

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Head(BaseModel):
    """What all kinds have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: float = Field(default=64.0, gt=0)
    """s: how sharp the softmax is. 64 suits many thousands of people, 16 to 32 a few hundred."""
    margin_warmup_epochs: float = Field(default=0.0, ge=0)
    """Epochs in which the margin grows from 0 to its value, in a straight line."""
    sub_centres: int = Field(default=1, ge=1, le=16)
    """K: centres of each class, of which the nearest counts (Deng et al. 2020). 3 for dirty data:
    what does not belong to a person gathers at centres of its own."""
    sample_rate: float = Field(default=1.0, gt=0, le=1)
    """Share of the other classes that a step compares with (Partial FC, An et al. 2021); the
    classes in the batch always are. Published results do not suffer down to 0.1."""
    filter_above_cosine: float | None = Field(default=None, gt=0, lt=1)
    """A crop is not pushed from another class that is nearer than this: the label is likely wrong
    (An et al. 2022 take 0.4). None pushes always."""


class ArcFaceConfig(_Head):
    """An angle as the margin: cos(theta + m) (Deng et al. 2019). The usual choice on MS1M."""

    kind: Literal["arcface"] = "arcface"
    margin_rad: float = Field(default=0.5, ge=0, lt=math.pi / 2)
    """m: the angle by which the own class must win."""


class CosFaceConfig(_Head):
    """A cosine as the margin: cos(theta) - m (Wang et al. 2018). Usual on Glint360K, WebFace."""

    kind: Literal["cosface"] = "cosface"
    margin: float = Field(default=0.4, ge=0, lt=1)
    """m: the cosine by which the own class must win."""


class CombinedConfig(_Head):
    """All margins at once: cos(m1 theta + m2) - m3 (Deng et al. 2019, equation 4)."""

    kind: Literal["combined"] = "combined"
    multiplier: float = Field(default=1.0, ge=1, le=4)
    """m1: by how much the angle is multiplied (SphereFace)."""
    margin_rad: float = Field(default=0.3, ge=0, lt=math.pi / 2)
    """m2: by how much it grows after that (ArcFace)."""
    margin_cosine: float = Field(default=0.2, ge=0, lt=1)
    """m3: what the cosine loses (CosFace)."""


class AdaFaceConfig(_Head):
    """A margin that follows the quality of the crop (Kim et al. 2022)."""

    kind: Literal["adaface"] = "adaface"
    margin: float = Field(default=0.4, ge=0, lt=1)
    """m: the margin of a crop of middling quality."""
    concentration: float = Field(default=0.333, gt=0)
    """h: how many crops are neither very good nor very bad; 0.333 leaves out a third in all."""
    average_rate: float = Field(default=0.01, gt=0, le=1)
    """t_alpha: weight of the newest step in the running mean and deviation of the norms."""


HeadConfig = Annotated[
    ArcFaceConfig | CosFaceConfig | CombinedConfig | AdaFaceConfig, Field(discriminator="kind")
]
