"""Photos and people of whom there is no template, and what that does to the error rates.

Failure to extract counts photos, failure to enrol (FTE) the people of whom no photo at all gave a
template. FMR and FNMR of this package keep failed photos in their denominators, so they are already
the generalised rates of single comparisons (ISO/IEC 19795-1); the matcher's own, over comparisons
that took place, stand here beside. With f the share of comparisons that did not,

    generalised FNMR = f + (1 - f) matcher FNMR        generalised FMR = (1 - f) matcher FMR.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.measurement import Measurement
from evaluation.measures.rates import ErrorRates, error_rates
from evaluation.operating_points import OperatingPoint
from evaluation.scores import ScoredSplit
from evaluation.uncertainty.bootstrap import SubjectBootstrap
from evaluation.uncertainty.intervals import RateEstimate, fnmr_estimate


class ExtractionReport(BaseModel):
    """Who could not be compared, and the rates of those who could."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    photos: RateEstimate
    """Photos that gave no template; a person's photos fail together, the interval knows that."""
    people: RateEstimate
    """People of whom no photo gave one: failure to enrol."""
    matcher: dict[str, ErrorRates]
    """By operating point, over the comparisons of which both photos gave a template."""

    def measurements(self, prefix: str) -> Iterator[tuple[str, Measurement]]:
        """Both shares by key, and the matcher's rates below them."""
        for name, found in (("photos", self.photos), ("people", self.people)):
            if (measured := Measurement.of_rate(found)) is not None:
                yield f"{prefix}/{name}", measured
        for point, rates in self.matcher.items():
            yield from rates.measurements(f"{prefix}/{point}/matcher")


def extraction(
    split: ScoredSplit,
    points: Mapping[str, OperatingPoint],
    confidence: float,
    bootstrap: SubjectBootstrap,
) -> ExtractionReport:
    """Count failures among the photos and the people of a split."""
    people = split.subject_codes()
    num_people = int(people.max(initial=-1)) + 1
    templates = np.bincount(people[split.usable], minlength=num_people)
    compared = split.usable[split.pairs.left] & split.usable[split.pairs.right]
    return ExtractionReport(
        photos=fnmr_estimate(~split.usable, people, confidence, bootstrap),
        people=fnmr_estimate(templates == 0, np.arange(num_people), confidence, bootstrap),
        matcher=error_rates(split, compared, points, confidence, bootstrap),
    )
