"""Several hypotheses at once: Holm's step-down procedure (1979)."""

from collections.abc import Mapping


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values: rejecting those at most alpha errs anywhere with at most alpha.

    The i-th smallest of m is multiplied by m - i + 1, and never below the one before it.
    """
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, (name, p_value) in enumerate(sorted(p_values.items(), key=lambda one: one[1])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_value))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}
