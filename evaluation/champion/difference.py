"""The difference between two models on the same comparisons, and whether it stays in a margin.

Candidate less champion, so that more is worse. Replicates of the paired bootstrap, see
`evaluation.champion.replicates`, say how it would come out with other people. The one-sided p-value
of "worse by the margin or more" is (1 + replicates at or above the margin) / (1 + all), and of
"worse by no more than the margin" the same from below. Only the ends at some tails are kept, so a
p-value is given as the next larger of these tails.

Where the decisions of two different models part on fewer than two people, or pairs of people, the
replicates see no spread. Then the difference may be as large as the exact binomial bound allows for
so many people without a parting of ways.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from evaluation.measurement import Measurement

TAILS: Final = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.1, 0.25, 0.5)
"""Shares of the replicates beyond the ends that are kept."""


class Difference(BaseModel):
    """One error rate of two models on the same comparisons."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    candidate: float
    """Rate of the candidate at its frozen threshold."""
    champion: float
    """Rate of the champion, its threshold chosen on the same calibration split at the same FMR."""
    value: float
    """Candidate less champion."""
    low: float
    """Ends of the two-sided interval."""
    high: float
    confidence: float = Field(gt=0, lt=1)
    n: int
    """Comparisons, the same for both."""
    num_people: int
    """Who take part in them."""
    num_worse: int
    """Discordant comparisons (as in McNemar's test) at which only the candidate errs."""
    num_better: int
    """And those at which only the champion errs."""
    min_n: int
    """Fewer comparisons than this say nothing."""
    lows: tuple[float, ...]
    """Lower end at each of `TAILS`."""
    highs: tuple[float, ...]
    """Upper end at each of `TAILS`."""

    @property
    def too_few(self) -> bool:
        """Whether it rests on too few comparisons to say anything."""
        return self.n < self.min_n

    def p_beyond(self, margin: float) -> float:
        """p-value of the hypothesis that it is `margin` or more; small: it is not."""
        return _first_tail([high < margin for high in self.highs])

    def p_within(self, margin: float) -> float:
        """p-value of the hypothesis that it is no more than `margin`; small: it is more."""
        return _first_tail([low > margin for low in self.lows])

    def measurement(self) -> Measurement:
        """The difference for trackers."""
        return Measurement(
            value=self.value,
            n=self.n,
            min_n=self.min_n,
            low=self.low,
            high=self.high,
            confidence=self.confidence,
        )


def ends(replicates: NDArray[np.float64], tail: float) -> tuple[float, float]:
    """Both ends that a share `tail` of the replicates (n,) lies beyond; NaN are left out.

    The k-th outermost, k = tail (n + 1) rounded down, so that a p-value at it is at most `tail`;
    -1 and 1 where there are too few for that.
    """
    known = np.sort(replicates[np.isfinite(replicates)])
    place = int(tail * (len(known) + 1) + 1e-9)
    if place == 0:
        return -1.0, 1.0
    return float(known[place - 1]), float(known[-place])


def no_parting_bound(num_clusters: int, tail: float) -> float:
    """How often decisions may part where none of so many clusters showed it: 1 - a^(1/n)."""
    return 1.0 if num_clusters <= 0 else float(-np.expm1(np.log(tail) / num_clusters))


def _first_tail(beyond: list[bool]) -> float:
    return next((tail for tail, is_so in zip(TAILS, beyond, strict=True) if is_so), 1.0)
