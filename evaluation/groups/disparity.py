"""Summaries of how unequal the error rates of groups are, and what chance alone makes of them.

Of G groups with rates x_g = k_g / n_g, at one threshold for all of them:

    worst                the highest rate
    max_over_geomean     max_g x_g / (prod_g x_g)^(1/G), with (k + 1/2) / (n + 1) where k = 0
                         (NIST IR 8429 prefers it to max/min, which a rate near 0 blows up)
    garbe                G/(G-1) * sum_gh |x_g - x_h| / (2 G^2 mean x), the Gini coefficient
                         (Howard et al. 2022); the mean of those of FMR and FNMR is their GARBE
    worst_over_overall   the highest rate over that of all groups together

With small groups all of them lie above the value of equality by chance (Schuckers et al. 2022). So
each comes with its null: labels are dealt anew over the people, who keep their errors, and the
summary is taken again. The p-value is (1 + those at least as unequal) / (1 + all).

The null leaves comparisons with their people, so that errors which come in clumps come in clumps
there too. For FMR it is a little wide: strangers of random groups resemble each other less than
those of a real one, hence fewer errors a cell. A small p-value is then believed all the more.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from evaluation.scores import Codes, Flags, ScoredSplit

Statistic = Literal["worst", "max_over_geomean", "garbe", "worst_over_overall"]
STATISTICS: Final = get_args(Statistic)
Floats = NDArray[np.float64]

_BLOCK_CELLS: Final = 1 << 23
"""Numbers held at once while labels are dealt: 64 MB."""


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """Errors and comparisons of groups; leading axes are replicates."""

    errors: Floats
    """(..., num_groups)"""
    totals: Floats
    """(..., num_groups)"""

    def of(self, groups: Codes) -> "GroupCounts":
        """Only some groups."""
        return GroupCounts(self.errors[..., groups], self.totals[..., groups])


def disparities(counts: GroupCounts) -> dict[Statistic, Floats]:
    """Every summary, each (...,) without the axis of groups. See the module for the formulas."""
    errors, totals = counts.errors, counts.totals
    rates = errors / np.maximum(totals, 1)
    smooth = np.where(errors == 0, (errors + 0.5) / (totals + 1), rates)
    worst = rates.max(axis=-1)
    overall = errors.sum(axis=-1) / np.maximum(totals.sum(axis=-1), 1)
    return {
        "worst": worst,
        "max_over_geomean": smooth.max(axis=-1) / np.exp(np.log(smooth).mean(axis=-1)),
        "garbe": _gini(rates),
        "worst_over_overall": np.divide(worst, overall, out=np.ones_like(worst), where=overall > 0),
    }


@dataclass(frozen=True, slots=True)
class DealtLabels:
    """Comparisons of labelled people, counted by group under many dealings of the labels.

    The first dealing is the labels as they are. What is dealt is the label of a person; a person
    who bears two, such as two age bands, is dealt both, as if two people. Serves any threshold.
    """

    dealings: NDArray[np.int32]
    """(1 + num_permutations, num_units): group of each person."""
    left: Codes
    """(num_chosen,): person on the left of each comparison that counts."""
    right: Codes
    totals: Floats
    """(1 + num_permutations, num_groups): comparisons within each group."""

    @classmethod
    def of(
        cls, split: ScoredSplit, chosen: Codes, codes: Codes, num_permutations: int, seed: int
    ) -> "DealtLabels":
        """Deal the group `codes` (num_rows,) of photos, -1 for none, over the people.

        `chosen` are the positions of the comparisons that count, such as all impostor ones.
        """
        units, labels = _units(split.subject_codes(), codes)
        every = np.tile(labels.astype(np.int32), (num_permutations + 1, 1))
        every[1:] = np.random.default_rng(seed).permuted(every[1:], axis=1)
        left, right = units[split.pairs.left[chosen]], units[split.pairs.right[chosen]]
        return cls(every, left, right, _counted(every, left, right, int(codes.max(initial=-1)) + 1))

    def counts(self, wrong: Flags) -> GroupCounts:
        """Counts of each dealing, where `wrong` (num_chosen,) says which comparisons are errors."""
        num_groups = self.totals.shape[1]
        errors = _counted(self.dealings, self.left[wrong], self.right[wrong], num_groups)
        return GroupCounts(errors, self.totals)


def _counted(dealings: NDArray[np.int32], left: Codes, right: Codes, num_groups: int) -> Floats:
    """Comparisons whose both sides are dealt one group: (num_dealings, num_groups)."""
    num, num_units = dealings.shape
    known = (left >= 0) & (right >= 0)
    couples = _matrix(left[known], right[known], num_units)
    found = np.zeros((num, num_groups))
    step = max(1, _BLOCK_CELLS // max(1, num_units * num_groups))
    for start in range(0, num, step):
        part = dealings[start : start + step]
        is_in = (part.T[:, :, None] == np.arange(num_groups)).reshape(num_units, -1)
        flat = is_in.astype(np.float64)
        both = np.einsum("uk,uk->k", couples @ flat, flat)
        found[start : start + step] = both.reshape(len(part), num_groups)
    return found


def _units(subjects: Codes, codes: Codes) -> tuple[Codes, Codes]:
    """Person and label of each photo as one number (num_rows,), -1 for none; and the labels."""
    num_groups = int(codes.max(initial=0)) + 1
    names, units = np.unique(
        np.where(codes < 0, -1, subjects * num_groups + codes), return_inverse=True
    )
    without = int(np.count_nonzero(names < 0))
    return units - without, np.asarray(names[without:] % num_groups, dtype=np.int64)


def _matrix(left: Codes, right: Codes, num: int) -> sparse.csr_array:
    """Comparisons of each couple (num, num), upper triangle."""
    low, high = np.minimum(left, right), np.maximum(left, right)
    return sparse.csr_array((np.ones(len(low)), (low, high)), shape=(num, num))


def _gini(rates: Floats) -> Floats:
    num = rates.shape[-1]
    ordered = np.sort(rates, axis=-1)
    # The sum over all couples |x_g - x_h| of sorted rates.
    ranks = 2 * np.arange(1, num + 1) - num - 1
    spread = 2 * (ordered * ranks).sum(axis=-1)
    scale = 2 * num * max(num - 1, 1) * rates.mean(axis=-1)
    found: Floats = np.divide(spread, scale, out=np.zeros_like(spread), where=scale > 0)
    return found
