"""Who is trained on, who sets the threshold, who is the exam: splits that share no identity.

A family stays together, because siblings look alike. A family's split is a hash of its name and a
seed, so adding people moves nobody else; the shares therefore hold in expectation, not exactly.

The hash is a place between 0 and 1, cut into train, canary, calibration and test in this order. So
a canary share that is taken out of the train share moves nobody into or out of calibration and
test, and figures from before stay comparable.
"""

import hashlib
from collections.abc import Iterable, Set
from typing import Annotated, Final

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.errors import SourceError
from data.manifest import Split

Share = Annotated[float, Field(ge=0, le=1)]
_HASH_SPACE: Final = 2**64


class SplitConfig(BaseModel):
    """How people are divided; the shares add up to one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train_share: Share = 0.7
    """Share of families to train on."""
    calibration_share: Share = 0.1
    """Share of families that set the thresholds."""
    test_share: Share = 0.2
    """Share of families to report on; nothing is ever chosen on them."""
    canary_share: Share = 0.0
    """Share of families kept for the canary: who stands at the door while a release is on trial."""
    seed: int = Field(default=0, ge=0)
    """Another seed, another division."""

    @model_validator(mode="after")
    def _adds_up(self) -> "SplitConfig":
        total = self.train_share + self.canary_share + self.calibration_share + self.test_share
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares add up to {total:g}; they must add up to 1")
        return self


def groups_of(table: pd.DataFrame) -> pd.Series:
    """Name, for each row, the group that must stay in one split.

    Rows hang together where they share `subject_id` or a known `family_id`, also by way of others.
    The group is named after its smallest family, or after its subject where no family is known.
    Returns a string series on the table's index.
    """
    subjects = "subject:" + table["subject_id"].astype(str)
    known = table["family_id"].notna()
    families = "family:" + table.loc[known, "family_id"].astype(str)
    leader = _connected(zip(subjects[known], families, strict=True))
    return subjects.map(lambda name: leader.get(name, name)).astype(object)


def assign_splits(table: pd.DataFrame, config: SplitConfig) -> pd.Series:
    """Give each row of a manifest its split, one of `data.manifest.SPLITS`.

    Reads `subject_id` and `family_id`. Returns a string series on the table's index.
    """
    groups = groups_of(table)
    known = {group: _split_of(group, config) for group in groups.unique()}
    return groups.map(known).astype(object)


def split_by_protocol(
    table: pd.DataFrame, test_subjects: Set[str], config: SplitConfig
) -> pd.Series:
    """Like `assign_splits`, for a source whose test people are given by a published protocol.

    Those people and their families are the test split; the others go to the other splits in the
    proportion of their shares, and `test_share` is not used. Raises `SourceError` where a test
    subject has no row, or where no other share is above zero.
    """
    missing = sorted(test_subjects - set(table["subject_id"]))
    if missing:
        raise SourceError(
            f"{len(missing)} people of the protocol have no photo in the manifest, such as"
            f" {missing[0]!r}; ingest the whole data set"
        )
    groups = groups_of(table)
    reserved = set(groups[table["subject_id"].isin(test_subjects)])
    others = _without_test(config)
    known: dict[str, Split] = {
        group: "test" if group in reserved else _split_of(group, others)
        for group in groups.unique()
    }
    return groups.map(known).astype(object)


def family_leaks(table: pd.DataFrame) -> list[str]:
    """Name every group of a curated manifest that stands in more than one split, sorted."""
    num_splits = table["split"].groupby(groups_of(table)).nunique()
    return sorted(num_splits.index[num_splits > 1])


def _connected(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Map each name to the smallest name linked to it; families sort before subjects."""
    leader: dict[str, str] = {}
    for pair in set(links):
        roots = sorted({_root(leader, name) for name in pair})
        for root in roots:
            leader[root] = roots[0]
    return {name: _root(leader, name) for name in leader}


def _root(leader: dict[str, str], name: str) -> str:
    while (above := leader.setdefault(name, name)) != name:
        leader[name] = leader[above]
        name = above
    return name


def _split_of(group: str, config: SplitConfig) -> Split:
    shares = _shares(config)
    position, end = _uniform(group, config.seed), 0.0
    for split, share in shares:
        end += share
        if position < end:
            return split
    # The shares may fall short of 1 by a rounding error; the last one that is not empty takes it.
    return next(split for split, share in reversed(shares) if share > 0)


def _shares(config: SplitConfig) -> tuple[tuple[Split, float], ...]:
    """Every split and its share, in the order in which they lie on the hash line."""
    return (
        ("train", config.train_share),
        ("canary", config.canary_share),
        ("calibration", config.calibration_share),
        ("test", config.test_share),
    )


def _uniform(group: str, seed: int) -> float:
    """Draw from [0, 1), the same for a name and seed on every machine."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    # 53 bits are what a float holds; more could round up to 1.
    return (int.from_bytes(digest[:8], "big") >> 11) / (_HASH_SPACE >> 11)


def _without_test(config: SplitConfig) -> SplitConfig:
    rest = config.train_share + config.canary_share + config.calibration_share
    if rest == 0:
        raise SourceError(
            "train_share, canary_share and calibration_share are all 0; with a protocol's own test"
            " people one of them must be above 0"
        )
    return SplitConfig(
        train_share=config.train_share / rest,
        canary_share=config.canary_share / rest,
        calibration_share=config.calibration_share / rest,
        test_share=0,
        seed=config.seed,
    )
