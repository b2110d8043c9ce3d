"""What can be wrong with an evaluation, as types.

    EvaluationError
    ├── ScoresError                scores, pairs and table do not fit each other
    ├── TooFewComparisonsError     a rate is asked for that so few comparisons cannot show
    ├── NoThresholdError           no cosine keeps impostors out; the embedder has collapsed
    ├── DriftError                 windows that cannot be compared
    └── SliceError                 a slice is not defined on this table

A gate policy that cannot be read is pydantic's `ValidationError`.
"""


class EvaluationError(Exception):
    """Base of all errors of the `evaluation` package."""


class ScoresError(EvaluationError):
    """Scores, pairs and table do not fit each other."""


class TooFewComparisonsError(EvaluationError):
    """A rate is asked for that so few comparisons cannot show."""

    def __init__(self, what: str, num_found: int, num_needed: int) -> None:
        super().__init__(
            f"{what}: {num_found} comparisons, {num_needed} needed at the least;"
            " add people to this split or ask for a larger rate"
        )
        self.num_found = num_found
        self.num_needed = num_needed


class NoThresholdError(EvaluationError):
    """No cosine keeps impostors out; the embedder has collapsed."""


class DriftError(EvaluationError):
    """Windows cannot be compared: empty, of another model, or without a column to compare."""


class SliceError(EvaluationError):
    """A slice is not defined on this table."""
