"""Who owns the errors: a few people, or everybody alike?

A false non-match belongs to its person, a false match half to each of both. The Gini coefficient of
the errors that people own is 0 where all own as many, and near 1 where one owns all; few errors are
uneven by chance alone, so it stands beside what it is when the same errors fall on comparisons at
random (Doddington's "goats", "lambs" and "wolves" as a test instead of a menagerie).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from evaluation.measurement import Measurement
from evaluation.scores import Codes, Flags, ScoredSplit
from evaluation.uncertainty.bootstrap import Floats, SubjectBootstrap

_NULL_DRAWS: Final = 200
OWNER_COLUMNS: Final = ("side", "subject_id", "errors", "share", "comparisons")


class Ownership(BaseModel):
    """Errors of one kind by the people who own them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    num_errors: int
    num_people: int
    """With a comparison of this kind."""
    num_owners: int
    """Of them, with an error."""
    gini: float
    top_1: float
    """Share of the errors that the worst 1 % of people own, one person at the least."""
    top_5: float
    """The same for the worst 5 %."""
    gini_null: float
    """Median where the same errors fall on comparisons at random."""
    gini_null_high: float
    """Its 95 % quantile."""
    top_5_null: float
    p_value: float
    """Of a Gini coefficient at least as high by chance, (1 + hits) / (1 + draws)."""


class OwnershipReport(BaseModel):
    """Both kinds at one operating point; None where there is no such error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    point: str
    false_match: Ownership | None
    false_non_match: Ownership | None

    def measurements(self, prefix: str) -> Iterator[tuple[str, Measurement]]:
        """Gini coefficient and shares of the worst by key."""
        for kind, found in (("fmr", self.false_match), ("fnmr", self.false_non_match)):
            if found is None:
                continue
            for name in ("gini", "top_1", "top_5"):
                value = getattr(found, name)
                yield f"{prefix}/{kind}_{name}", Measurement(value=value, n=found.num_errors)


def ownership(
    split: ScoredSplit, point: str, threshold: float, bootstrap: SubjectBootstrap
) -> OwnershipReport:
    """Ownership of the errors at a threshold; the null is drawn by the bootstrap's seed."""
    people, seed = split.subject_codes(), bootstrap.seed
    num, genuine = int(people.max(initial=-1)) + 1, split.pairs.genuine
    left, right = people[split.pairs.left], people[split.pairs.right]
    missed = split.scores[genuine] < threshold
    accepted = split.scores[~genuine] >= threshold
    owners = left[genuine][:, None]
    both = np.stack([left[~genuine], right[~genuine]], axis=1)
    return OwnershipReport(
        point=point,
        false_match=_owned(both, accepted, num, seed),
        false_non_match=_owned(owners, missed, num, seed),
    )


def owner_table(split: ScoredSplit, threshold: float, limit: int = 20) -> pd.DataFrame:
    """People who own most errors: `OWNER_COLUMNS`, at most `limit` of either side, worst first."""
    people, names = pd.factorize(split.table["subject_id"], sort=True)
    genuine = split.pairs.genuine
    left, right = people[split.pairs.left], people[split.pairs.right]
    both = np.stack([left, right], axis=1)
    wrong = np.where(genuine, split.scores < threshold, split.scores >= threshold)
    sides = (("false_match", ~genuine, both), ("false_non_match", genuine, both[:, :1]))
    return pd.concat(
        [_owners(side, sharers[kind], wrong[kind], names, limit) for side, kind, sharers in sides],
        ignore_index=True,
    )


def gini(counts: Floats) -> float:
    """Gini coefficient of counts (n,): 0 where all are alike, 1 - 1 / n where one has all."""
    total, num = float(counts.sum()), len(counts)
    if total == 0:
        return 0.0
    return float((2 * np.arange(1, num + 1) - num - 1) @ np.sort(counts)) / (num * total)


def top_share(counts: Floats, share: float) -> float:
    """Share of the total that the highest of the counts have, one of them at the least."""
    num = max(1, int(np.ceil(share * len(counts) - 1e-9)))
    return float(np.sort(counts)[::-1][:num].sum() / counts.sum())


def _owned(sharers: Codes, errors: Flags, num_people: int, seed: int) -> Ownership | None:
    """`sharers` (num_comparisons, 1 or 2): who takes part, and so owns an equal part."""
    num_errors = int(np.count_nonzero(errors))
    if num_errors == 0:
        return None
    takes_part = np.bincount(sharers.ravel(), minlength=num_people) > 0

    def owned(rows: Codes) -> Floats:
        return _parts(sharers[rows], num_people)[takes_part]

    rng = np.random.default_rng([seed, len(errors)])
    null = [
        owned(rng.choice(len(errors), num_errors, replace=False, shuffle=False))
        for _ in range(_NULL_DRAWS)
    ]
    counts = owned(np.flatnonzero(errors))
    ginis = np.array([gini(one) for one in null])
    return Ownership(
        num_errors=num_errors,
        num_people=len(counts),
        num_owners=int(np.count_nonzero(counts)),
        gini=gini(counts),
        top_1=top_share(counts, 0.01),
        top_5=top_share(counts, 0.05),
        gini_null=float(np.median(ginis)),
        gini_null_high=float(np.quantile(ginis, 0.95)),
        top_5_null=float(np.median([top_share(one, 0.05) for one in null])),
        p_value=(1 + int(np.count_nonzero(ginis >= gini(counts) - 1e-12))) / (1 + _NULL_DRAWS),
    )


def _parts(sharers: Codes, num_people: int) -> Floats:
    return np.asarray(np.bincount(sharers.ravel(), minlength=num_people) / sharers.shape[1])


def _owners(side: str, sharers: Codes, wrong: Flags, names: pd.Index, limit: int) -> pd.DataFrame:
    errors = _parts(sharers[wrong], len(names))
    worst = np.argsort(-errors, kind="stable")[:limit]
    worst = worst[errors[worst] > 0]
    rows = {
        "side": side,
        "subject_id": np.asarray(names)[worst],
        "errors": errors[worst],
        "share": errors[worst] / max(1, int(np.count_nonzero(wrong))),
        "comparisons": np.bincount(sharers.ravel(), minlength=len(names))[worst],
    }
    return pd.DataFrame(rows, columns=list(OWNER_COLUMNS))
