"""FMR and FNMR of any part of some comparisons, at thresholds that were frozen before."""

from collections.abc import Iterator, Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.measurement import Measurement
from evaluation.operating_points import OperatingPoint
from evaluation.scores import Flags, ScoredSplit
from evaluation.uncertainty.bootstrap import SubjectBootstrap
from evaluation.uncertainty.intervals import Dyads, RateEstimate, fmr_estimate, fnmr_estimate


class ErrorRates(BaseModel):
    """FMR and FNMR at one frozen threshold."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    fmr: RateEstimate
    fnmr: RateEstimate

    def measurements(
        self, prefix: str, min_impostor: int = 1, min_genuine: int = 1
    ) -> Iterator[tuple[str, Measurement]]:
        """Both rates under `<prefix>/fmr` and `<prefix>/fnmr`; none where nothing was compared."""
        false_match = Measurement.of_rate(self.fmr, min_impostor)
        miss = Measurement.of_rate(self.fnmr, min_genuine)
        if false_match is not None:
            yield f"{prefix}/fmr", false_match
        if miss is not None:
            yield f"{prefix}/fnmr", miss


def error_rates(
    split: ScoredSplit,
    members: Flags,
    points: Mapping[str, OperatingPoint],
    confidence: float,
    bootstrap: SubjectBootstrap | None = None,
) -> dict[str, ErrorRates]:
    """FMR and FNMR of the comparisons that are `members` (num_pairs,), at each threshold.

    People are grouped, and drawn where there is a `bootstrap`, once for all thresholds.
    """
    subjects = split.subject_codes()
    genuine = np.flatnonzero(members & split.pairs.genuine)
    impostor = np.flatnonzero(members & ~split.pairs.genuine)
    owners = subjects[split.pairs.left[genuine]]
    left, right = (subjects[side[impostor]] for side in (split.pairs.left, split.pairs.right))
    dyads = Dyads.of(left, right, bootstrap)
    genuine_scores, impostor_scores = split.scores[genuine], split.scores[impostor]
    return {
        name: ErrorRates(
            fmr=fmr_estimate(impostor_scores >= point.threshold, dyads, confidence),
            fnmr=fnmr_estimate(genuine_scores < point.threshold, owners, confidence, bootstrap),
        )
        for name, point in points.items()
    }
