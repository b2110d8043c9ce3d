"""Which photos a failure mode degrades, and what they are compared with before and after."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.failure_modes.registry import FailureMode, Side, Transform
from data.manifest import landmarks_of
from data.pairs import Pairs
from evaluation.config import BehaviourConfig, FailureModesConfig
from evaluation.scores import ScoredSplit, score_split
from evaluation.suites.failure_modes import Degradation
from pipelines.degraded_photo import DegradedFace, DegradeTask
from pipelines.scoring import EmbeddedPhotos

Rows = NDArray[np.int64]
PhotoChoice = FailureModesConfig | BehaviourConfig


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator at one severity of one mode or behaviour, and the photos it is done to."""

    name: str
    """Id of the mode or behaviour."""
    operator: str
    severity: float
    chosen: Rows
    both: bool
    """Whether changed photos are compared with each other, and not with all as they are."""
    alike: bool
    """Whether all photos get the same draw."""
    keep_landmarks: bool = False
    """Whether the face is taken where it was before the change."""


def choose_photos(photos: EmbeddedPhotos, side: Side, config: PhotoChoice) -> Rows:
    """Choose rows of usable photos: people in a drawn order, a few photos of each.

    People with two photos or more come first, because only they have genuine comparisons. For the
    probe's side photos on file are left out, for the reference's side all others are, wherever the
    manifest knows which is which.
    """
    table = photos.table
    usable = photos.usable & _on_side(table, side)
    rng = np.random.default_rng([config.seed, 0])
    rows = pd.Series(rng.permutation(np.flatnonzero(usable)))
    subjects = table["subject_id"].iloc[rows].reset_index(drop=True)
    kept = rows[subjects.groupby(subjects).cumcount() < config.photos_per_subject]
    num_photos = table.loc[photos.usable, "subject_id"].value_counts()
    order = rng.permutation(np.sort(subjects.unique()).astype(object))
    alone = {name: int(num_photos[name] < 2) for name in order}
    place = {name: number for number, name in enumerate(sorted(order, key=alone.__getitem__))}
    ranked = kept.iloc[np.argsort(table["subject_id"].iloc[kept].map(place), kind="stable")]
    return np.sort(ranked.to_numpy(dtype=np.int64)[: config.max_photos])


def conditions_of(
    modes: Sequence[FailureMode], photos: EmbeddedPhotos, config: FailureModesConfig
) -> Iterator[Condition]:
    """Every operator at every severity of the modes that are transforms."""
    for mode in modes if config.max_photos else ():
        if isinstance(how := mode.how, Transform):
            chosen = choose_photos(photos, how.side, config)
            for operator, severity in product(how.operators, how.severities):
                both = how.side == "both"
                yield Condition(mode.id, operator, severity, chosen, both, how.alike)


def tasks_of(condition: Condition, photos: EmbeddedPhotos, seed: int) -> Iterator[DegradeTask]:
    """What is to be done to each chosen photo, in their order."""
    for row in condition.chosen:
        found = photos.table.iloc[row]
        yield DegradeTask(
            path=found["path"],
            landmarks_px=landmarks_of(found),
            operator=condition.operator,
            severity=condition.severity,
            seed=seed if condition.alike else seed + 1 + int(row),
            keep_landmarks=condition.keep_landmarks,
        )


def degradation_of(
    condition: Condition, photos: EmbeddedPhotos, found: Sequence[DegradedFace]
) -> Degradation:
    """Degraded photos first; then the usable photos as they are, unless both sides are degraded."""
    chosen = condition.chosen
    others = np.zeros(0, np.int64) if condition.both else np.flatnonzero(photos.usable)
    rows = np.concatenate([chosen, others])
    table = photos.table.iloc[rows].reset_index(drop=True)
    pairs = comparisons(list(table["subject_id"]), chosen, others)
    embeddings = photos.embeddings[rows]
    before = score_split(table, embeddings, np.ones(len(rows), dtype=bool), pairs)
    after = _after(before, embeddings, found)
    reasons = Counter(face.reject_reason for face in found if face.reject_reason is not None)
    return Degradation(
        condition.operator,
        condition.severity,
        before,
        after,
        np.arange(len(rows)) < len(chosen),
        dict(sorted(reasons.items())),
    )


def _after(
    before: ScoredSplit, embeddings: NDArray[np.float32], found: Sequence[DegradedFace]
) -> ScoredSplit:
    changed, usable = embeddings.copy(), before.usable.copy()
    for row, face in enumerate(found):
        usable[row] = face.embedding is not None
        changed[row] = 0 if face.embedding is None else face.embedding
    return score_split(before.table, changed, usable, before.pairs)


def comparisons(subjects: Sequence[str], chosen: Rows, others: Rows) -> Pairs:
    """Each chosen photo with each other one, never with itself; without others, among themselves.

    Rows count the chosen first and the others after them; `subjects` names the person on each.
    """
    if len(others):
        left = np.repeat(np.arange(len(chosen)), len(others))
        right = np.tile(np.arange(len(others)), len(chosen)) + len(chosen)
        kept = chosen[left] != others[right - len(chosen)]
        left, right = left[kept], right[kept]
    else:
        left, right = np.triu_indices(len(chosen), 1)
    people = pd.factorize(np.asarray(subjects, dtype=object))[0]
    return Pairs(left.astype(np.int64), right.astype(np.int64), people[left] == people[right])


def _on_side(table: pd.DataFrame, side: Side) -> NDArray[np.bool_]:
    on_file = (table["capture_kind"] == "id_photo").to_numpy(dtype=bool)
    if side == "both" or not on_file.any() or on_file.all():
        return np.ones(len(table), dtype=bool)
    return on_file if side == "reference" else ~on_file
