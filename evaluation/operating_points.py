"""Thresholds by name, chosen once on the calibration split and then frozen."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from evaluation.errors import NoThresholdError
from evaluation.measures.metrics import fmr, threshold_at_fmr
from evaluation.scores import Scores


class OperatingPoint(BaseModel):
    """A threshold and what it was measured to do on the calibration split."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    target_fmr: Annotated[float, Field(gt=0, lt=1)]
    """The false match rate that the threshold was chosen for."""
    threshold: Annotated[float, Field(ge=-1, le=1)]
    """Two faces match where their cosine reaches it."""
    num_impostor_pairs: Annotated[int, Field(gt=0)]
    """Impostor pairs of the calibration split."""
    realised_fmr: Annotated[float, Field(ge=0, le=1)]
    """The false match rate at this threshold on the calibration split."""


def point_name(target_fmr: float) -> str:
    """Name of the operating point of a target: `fmr_1e-3` for 0.001, `fmr_2.5e-4` for 0.00025."""
    mantissa, exponent = f"{target_fmr:e}".split("e")
    return f"fmr_{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def operating_points(
    calibration_impostor: Scores, target_fmrs: Sequence[float]
) -> dict[str, OperatingPoint]:
    """Choose a threshold for each target FMR on the impostor scores of the calibration split.

    Raises `TooFewComparisonsError` where a target asks for more impostor pairs than there are, and
    `NoThresholdError` where so many strangers have the cosine 1 that no threshold keeps them out.
    """
    return {point_name(target): _point(calibration_impostor, target) for target in target_fmrs}


def _point(impostor: Scores, target_fmr: float) -> OperatingPoint:
    threshold = threshold_at_fmr(impostor, target_fmr)
    if threshold > 1:
        raise NoThresholdError(
            f"more than {target_fmr:g} of all strangers have the cosine 1 on the calibration split;"
            " the embedder maps them to one point, train it again"
        )
    # Where more failed than the target needs, every cosine is low enough: -1 is the lowest.
    threshold = max(threshold, -1.0)
    return OperatingPoint(
        target_fmr=target_fmr,
        threshold=threshold,
        num_impostor_pairs=len(impostor),
        realised_fmr=fmr(impostor, threshold),
    )
