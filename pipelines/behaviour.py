"""Try the expected behaviour on photos of the test split and judge what becomes of decisions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.behaviour.registry import BehaviourCase, ChangedPhotos, JunkPictures, SamePhoto
from evaluation.config import EvaluationConfig
from evaluation.operating_points import OperatingPoint
from evaluation.suites.behaviour import BehaviourCondition, BehaviourReport, expectations_of
from evaluation.suites.changes import Change, flipped_pairs, judge_changes
from pipelines.behaviour_server import try_junk, try_same_photo
from pipelines.degraded_photo import (
    DegradedFace,
    DegradeSettings,
    DegradeTask,
    take_all,
    workers_for,
)
from pipelines.provoking import Condition, Rows, choose_photos, degradation_of, tasks_of
from pipelines.scoring import EmbeddedPhotos
from pipelines.stage import progress

_MAX_FLIPS: Final = 20
"""Of one case, kept to be looked at."""
_FLIP_COLUMNS: Final = (
    "case",
    "condition",
    "is_genuine",
    "left_image_id",
    "right_image_id",
    "score_before",
    "score_after",
    "threshold",
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Reports by id, and the comparisons that flipped."""

    reports: dict[str, BehaviourReport]
    flips: pd.DataFrame
    """Columns: case, condition, is_genuine, left_image_id, right_image_id, score_before,
    score_after, threshold; the gravest of each case. Names photos, so no part of the report."""


def try_behaviour(
    cases: Sequence[BehaviourCase],
    photos: EmbeddedPhotos,
    settings: DegradeSettings,
    points: Mapping[str, OperatingPoint],
    config: EvaluationConfig,
) -> Behaviour:
    """Try every case at the default operating point; none where `max_photos` is 0.

    A photo that several cases change in the same way is taken once. All changed photos are of the
    door's side, wherever the manifest knows which is which.
    """
    if config.behaviour.max_photos == 0:
        return Behaviour({}, pd.DataFrame(columns=list(_FLIP_COLUMNS)))
    point = points[config.default_operating_point]
    chosen = choose_photos(photos, "probe", config.behaviour)
    changes = _changes(cases, photos, chosen, settings, config)
    reports: dict[str, BehaviourReport] = {}
    flips: list[pd.DataFrame] = []
    for case in cases:
        found = changes.get(case.id, ())
        conditions = (
            judge_changes(found, point, config.confidence)
            if isinstance(case.how, ChangedPhotos)
            else _on_server(case.how, photos, chosen, settings, point, config)
        )
        reports[case.id] = _report(case, conditions, point, config)
        flips += _flips(case, found, point.threshold)
    if not flips:
        return Behaviour(reports, pd.DataFrame(columns=list(_FLIP_COLUMNS)))
    return Behaviour(reports, pd.concat(flips, ignore_index=True))


def describe(how: ChangedPhotos | SamePhoto | JunkPictures) -> str:
    """How a case is tried, in one line."""
    if isinstance(how, SamePhoto):
        return "a photo with itself, and two photos in both orders, through the server's own path"
    if isinstance(how, JunkPictures):
        path = "through the server's own path" if how.faces == "detected" else "as crops"
        return f"{', '.join(how.pictures)}, {path}"
    severities = ", ".join(f"{severity:g}" for severity in how.severities)
    side = "both photos" if how.side == "both" else "one photo"
    alike = ", the same on all" if how.alike else ""
    faces = ", landmarks kept" if how.faces == "kept" else ""
    return f"{', '.join(how.operators)} at {severities} on {side}{alike}{faces}"


def _changes(
    cases: Sequence[BehaviourCase],
    photos: EmbeddedPhotos,
    chosen: Rows,
    settings: DegradeSettings,
    config: EvaluationConfig,
) -> dict[str, tuple[Change, ...]]:
    """What was changed, by case."""
    seed = config.behaviour.seed
    conditions = [condition for case in cases for condition in _conditions(case, chosen)]
    tasks = {_key(t): t for c in conditions for t in tasks_of(c, photos, seed)}
    taken = take_all(list(tasks.values()), settings, workers_for(len(tasks)), progress("behaviour"))
    faces = dict(zip(tasks, taken, strict=True))
    found: dict[str, tuple[Change, ...]] = {}
    for condition in conditions:
        own = [faces[_key(task)] for task in tasks_of(condition, photos, seed)]
        found[condition.name] = (
            *found.get(condition.name, ()),
            _change(condition, photos, own),
        )
    return found


def _conditions(case: BehaviourCase, chosen: Rows) -> Iterator[Condition]:
    how = case.how
    if not isinstance(how, ChangedPhotos):
        return
    for operator, severity in product(how.operators, how.severities):
        both, kept = how.side == "both", how.faces == "kept"
        yield Condition(case.id, operator, severity, chosen, both, how.alike, kept)


def _key(task: DegradeTask) -> tuple[str, str, float, int, bool]:
    return (task.path, task.operator, task.severity, task.seed, task.keep_landmarks)


def _change(condition: Condition, photos: EmbeddedPhotos, faces: Sequence[DegradedFace]) -> Change:
    return Change(
        degradation_of(condition, photos, faces),
        quality_before=_clean_quality(photos.table.iloc[condition.chosen]),
        quality_after=np.array(
            [np.nan if face.quality is None else face.quality for face in faces], np.float64
        ),
    )


def _clean_quality(rows: pd.DataFrame) -> NDArray[np.float64]:
    """As `align` measured it (n,); NaN where it did not."""
    if "quality" not in rows:
        return np.full(len(rows), np.nan)
    return rows["quality"].to_numpy(dtype=np.float64, na_value=np.nan)


def _on_server(
    how: SamePhoto | JunkPictures,
    photos: EmbeddedPhotos,
    chosen: Rows,
    settings: DegradeSettings,
    point: OperatingPoint,
    config: EvaluationConfig,
) -> tuple[BehaviourCondition, ...]:
    if isinstance(how, SamePhoto):
        return try_same_photo(photos, chosen, settings)
    return try_junk(how, photos, settings, point.threshold, config.behaviour.seed)


def _report(
    case: BehaviourCase,
    conditions: tuple[BehaviourCondition, ...],
    point: OperatingPoint,
    config: EvaluationConfig,
) -> BehaviourReport:
    return BehaviourReport(
        kind=case.kind,
        how=describe(case.how),
        owner=case.owner,
        status=case.status,
        point=config.default_operating_point,
        expectations=expectations_of(case.expect, conditions, point),
        conditions=conditions,
    )


def _flips(case: BehaviourCase, changes: Sequence[Change], threshold: float) -> list[pd.DataFrame]:
    tables = [flipped_pairs(change, threshold) for change in changes]
    found = [
        table.head(_MAX_FLIPS // len(tables) + 1).assign(case=case.id, threshold=threshold)
        for table in tables
    ]
    return [table[list(_FLIP_COLUMNS)] for table in found if len(table)]
