"""One measured number under a stable key: what the gate judges and the trackers log."""

from pydantic import BaseModel, ConfigDict, Field

from evaluation.uncertainty.intervals import RateEstimate


class Measurement(BaseModel):
    """A value, how much it rests on, and how sure it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float
    n: int = Field(ge=0)
    """Comparisons behind it."""
    min_n: int = Field(default=1, ge=1)
    """Fewer comparisons than this say nothing; the gate then takes it for not measured."""
    low: float | None = None
    """Ends of the interval; both None where there is none."""
    high: float | None = None
    num_effective: float | None = None
    """Independent comparisons that would know as much."""
    confidence: float | None = None
    """Of the two-sided interval."""

    @property
    def too_few(self) -> bool:
        """Whether it rests on too few comparisons to say anything."""
        return self.n < self.min_n

    @classmethod
    def of_rate(cls, estimate: RateEstimate, min_n: int = 1) -> "Measurement | None":
        """Turn an estimate into a measurement, or None where nothing was compared."""
        if estimate.rate is None:
            return None
        return cls(
            value=estimate.rate,
            n=estimate.num_comparisons,
            min_n=min_n,
            low=estimate.low,
            high=estimate.high,
            num_effective=estimate.num_effective,
            confidence=estimate.confidence,
        )

    def complement(self) -> "Measurement":
        """Return 1 - value with its interval turned round, as TAR is of FNMR."""
        return self.model_copy(
            update={
                "value": 1 - self.value,
                "low": None if self.high is None else 1 - self.high,
                "high": None if self.low is None else 1 - self.low,
            }
        )
