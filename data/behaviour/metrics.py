"""What a behaviour case may expect; `evaluation.suites.behaviour` computes the metrics."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

PhotoMetric = Literal[
    "genuine_flip_rate",
    "impostor_flip_rate",
    "impostor_new_matches",
    "impostor_fmr",
    "impostor_fmr_rise",
    "genuine_score_rise",
    "quality_rise",
    "silent_miss_excess",
]
"""Of photos that are changed on purpose. Where nothing else is said, of comparisons that the
quality gate let through before and after.

genuine_flip_rate     people whose decision is another one after the change, either way
impostor_flip_rate    the same of strangers
impostor_new_matches  strangers who match after the change and did not before: the dangerous side
impostor_fmr          strangers who match after the change
impostor_fmr_rise     that, less the strangers who matched before
genuine_score_rise    mean cosine of people, less that at the severity before
quality_rise          mean quality (0 to 100) of the photos, less that at the severity before
silent_miss_excess    people whom the matcher newly misses, less those whom the quality gate now
                      sends back, as shares of those who matched before: the gate must fire first
"""
ServerMetric = Literal["score_deficit", "order_difference"]
"""Of the server's own path.

score_deficit     1 - the least cosine of a photo with itself
order_difference  the largest difference between the cosines of (a, b) and (b, a)
"""
JunkMetric = Literal["junk_accepted", "junk_matches", "junk_pair_matches"]
"""Of pictures that show nobody.

junk_accepted      pictures in which the detector finds a face that the quality gate accepts
junk_matches       comparisons of such a picture with a person that match
junk_pair_matches  comparisons of two such pictures that match
"""
BehaviourMetric = PhotoMetric | ServerMetric | JunkMetric
"""All at the default operating point, all good where they are low."""

STEP_METRICS: Final = ("genuine_score_rise", "quality_rise")
"""They compare a severity with the one before it."""


class Expectation(BaseModel):
    """A metric and what it may be at most, at the worst condition of its case."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    metric: BehaviourMetric
    """What is judged."""
    bound: Annotated[float, Field(ge=0)]
    """The metric must not be above, in its unit. May only become lower."""
    unit: Literal["as_is", "target_fmr"] = "as_is"
    """`target_fmr`: the bound counts in false match rates that the threshold was chosen for, so
    that it means the same at every operating point."""

    def limit(self, target_fmr: float) -> float:
        """The bound at an operating point."""
        return self.bound * target_fmr if self.unit == "target_fmr" else self.bound
