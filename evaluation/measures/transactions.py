"""Error rates of whole transactions, retries included, and how long people waited.

FRR is the share of genuine transactions that the system did not admit, FAR the share of false
claims that it did (ISO/IEC 19795-1). They are counted on real sequences of attempts: (1 - p)^k
would take the attempts of one person for independent, which they are not. Photos that could not be
used count as attempts that failed. Intervals are those of `evaluation.uncertainty.intervals`: by
person for FRR, by pair of people for FAR.
"""

from collections.abc import Iterator
from typing import Final, TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from evaluation.measurement import Measurement
from evaluation.measures.quantiles import Quantiles
from evaluation.scores import Codes, Flags
from evaluation.uncertainty.bootstrap import SubjectBootstrap
from evaluation.uncertainty.intervals import (
    DEFAULT_CONFIDENCE,
    Dyads,
    RateEstimate,
    fmr_estimate,
    fnmr_estimate,
)

FALSE_CLAIMS: Final = ("impostor", "look_alike", "mix_up")
T = TypeVar("T", int, str)
_Settings = tuple[float, SubjectBootstrap | None]


class TransactionRates(BaseModel):
    """What came of the transactions of one morning, or of several."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    frr: RateEstimate
    """Genuine transactions not admitted within their attempts."""
    far: RateEstimate
    """False claims admitted, all kinds together."""
    far_of: dict[str, RateEstimate]
    """The same for each kind of false claim."""
    first_attempt_frr: RateEstimate
    """Genuine transactions not admitted at the first attempt: what FRR would be without retries."""
    first_attempt_far: RateEstimate
    """False claims admitted at the first attempt: what FAR would be without retries."""
    fta: RateEstimate
    """Attempts of genuine transactions of which no comparison came (failure to acquire)."""
    num_transactions: int = Field(ge=0)
    """Somebody came."""
    num_absent: int = Field(ge=0)
    num_attempts: int = Field(ge=0)
    attempts: dict[int, int]
    """Transactions by their number of attempts."""
    endings: dict[str, int]
    refusals: dict[str, int]
    """Attempts without a comparison, by reason."""
    waited_s: Quantiles
    """From the door to the front of the queue."""
    queue_length: Quantiles
    """People before one on arrival."""
    time_to_admit_s: Quantiles
    """Genuine: from the door into the hall, by way of the desk where need be."""

    def measurements(self, prefix: str) -> Iterator[tuple[str, Measurement]]:
        """All rates of which there was a transaction or an attempt, by key."""
        named = ("frr", "far", "first_attempt_frr", "first_attempt_far", "fta")
        found = {name: getattr(self, name) for name in named}
        found |= {f"{kind}/far": rate for kind, rate in self.far_of.items()}
        for name, rate in found.items():
            if (measured := Measurement.of_rate(rate)) is not None:
                yield f"{prefix}/{name}", measured


def transaction_rates(
    transactions: pd.DataFrame,
    attempts: pd.DataFrame,
    confidence: float = DEFAULT_CONFIDENCE,
    bootstrap: SubjectBootstrap | None = None,
) -> TransactionRates:
    """Count a simulated or recorded morning (`data.simulator.tables`, both schemas)."""
    settings = confidence, bootstrap
    came = transactions[transactions["ending"] != "absent"]
    first = attempts[attempts["attempt"] == 1].set_index("transaction_id")["outcome"]
    admitted_first = came["transaction_id"].map(first) == "match"
    admitted = came["ending"] == "admitted"
    genuine = came["kind"] == "genuine"
    false_claim = came["kind"].isin(FALSE_CLAIMS)
    tried = attempts[attempts["kind"] == "genuine"]
    return TransactionRates(
        frr=_refused(came[genuine], ~admitted[genuine], settings),
        far=_accepted(came[false_claim], admitted[false_claim], settings),
        far_of={
            kind: _accepted(came[came["kind"] == kind], admitted[came["kind"] == kind], settings)
            for kind in FALSE_CLAIMS
        },
        first_attempt_frr=_refused(came[genuine], ~admitted_first[genuine], settings),
        first_attempt_far=_accepted(came[false_claim], admitted_first[false_claim], settings),
        fta=_refused(tried, tried["outcome"] == "refused", settings),
        num_transactions=len(came),
        num_absent=len(transactions) - len(came),
        num_attempts=len(attempts),
        attempts=_counted(came["num_attempts"], int),
        endings=_counted(came["ending"], str),
        refusals=_counted(attempts["reason"].dropna(), str),
        waited_s=Quantiles.of(came["waited_s"].to_numpy(np.float64)),
        queue_length=Quantiles.of(came["queue_length"].to_numpy(np.float64)),
        time_to_admit_s=Quantiles.of(came["time_to_admit_s"].dropna().to_numpy(np.float64)),
    )


def _refused(rows: pd.DataFrame, errors: pd.Series, settings: _Settings) -> RateEstimate:
    return fnmr_estimate(_flags(errors), _codes(rows["claimed_subject_id"]), *settings)


def _accepted(rows: pd.DataFrame, errors: pd.Series, settings: _Settings) -> RateEstimate:
    confidence, bootstrap = settings
    sides = pd.concat([rows["claimed_subject_id"], rows["presented_subject_id"]])
    claimed, presented = np.split(_codes(sides), 2)
    return fmr_estimate(_flags(errors), Dyads.of(claimed, presented, bootstrap), confidence)


def _flags(errors: pd.Series) -> Flags:
    return errors.to_numpy(dtype=np.bool_)


def _codes(subjects: pd.Series) -> Codes:
    return np.asarray(pd.factorize(subjects, sort=True)[0], dtype=np.int64)


def _counted(values: pd.Series, kind: type[T]) -> dict[T, int]:
    counts = values.value_counts().sort_index()
    return {kind(value): int(count) for value, count in zip(counts.index, counts, strict=True)}
