"""Failure modes provoked for real: rendered people, real detector, the tiny bundle's embedder."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from data.degrade.degrade import degrade
from data.detection.factory import open_detector
from data.detection.selection import select_face
from data.failure_modes.registry import FailureMode
from data.images import decode_image
from data.manifest import landmarks_of
from evaluation.config import EvaluationConfig, FailureModesConfig
from evaluation.suites.failure_modes import Least
from pipelines.degraded_photo import DegradedPhotos, DegradeSettings, DegradeTask, take_all
from pipelines.failure_modes import provoke
from pipelines.provoking import choose_photos, comparisons
from pipelines.scoring import EmbeddedPhotos
from serving.bundle import Bundle, open_bundle
from serving.engine import EngineConfig, load_engine
from serving.release import DETECTOR_FOLDER
from tests.pipelines.rendered import PEOPLE, POINTS, rendered_photos

CONFIG = EvaluationConfig(failure_modes=FailureModesConfig(max_photos=8, photos_per_subject=2))


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return open_bundle(tiny_bundle)


@pytest.fixture(scope="module")
def photos_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("photos")


@pytest.fixture(scope="module")
def photos(bundle: Bundle, photos_folder: Path) -> EmbeddedPhotos:
    return rendered_photos(bundle, photos_folder)


@pytest.fixture(scope="module")
def folder_settings(bundle: Bundle, photos_folder: Path) -> DegradeSettings:
    return DegradeSettings(photos_folder, bundle.folder, bundle.digest, detects=True)


def _mode(**how: object) -> FailureMode:
    return FailureMode.model_validate(
        {
            "id": "tried",
            "story": "a test",
            "origin": "foreseen",
            "first_seen": None,
            "how": {"kind": "transform", "severities": [0.1, 1.0], "side": "probe", **how},
            "metric": "fnmr_rise",
            "bound": None,
            "owner": "ML engineer",
            "status": "open",
        }
    )


def _task(photos: EmbeddedPhotos, row: int, operator: str, severity: float) -> DegradeTask:
    found = photos.table.iloc[row]
    return DegradeTask(found["path"], landmarks_of(found), operator, severity, seed=3)


def _same(found: NDArray[np.float32] | None, wanted: NDArray[np.float32] | None) -> bool:
    """Equal bit for bit, or both none."""
    if found is None or wanted is None:
        return found is wanted
    return np.array_equal(found, wanted)


def test_undegraded_photo_gives_the_embedding_that_the_stage_has(
    photos: EmbeddedPhotos, folder_settings: DegradeSettings
) -> None:
    path = DegradedPhotos(folder_settings)
    for row in range(3):
        found = path.take(_task(photos, row, "jpeg", 0.0))
        assert found.reject_reason is None
        assert _same(found.embedding, photos.embeddings[row])


def test_degraded_photo_takes_the_path_of_the_server(
    photos: EmbeddedPhotos, folder_settings: DegradeSettings, bundle: Bundle
) -> None:
    task = _task(photos, 1, "glasses", 0.8)
    found = DegradedPhotos(folder_settings).take(task)
    assert found.embedding is not None
    assert np.linalg.norm(found.embedding) == pytest.approx(1, abs=1e-3)
    image = decode_image((folder_settings.photos / task.path).read_bytes())
    changed = degrade(image, task.landmarks_px, task.operator, task.severity, task.seed)
    detector = open_detector(bundle.folder / DETECTOR_FOLDER, bundle.release.detector)
    face = select_face(detector.detect(changed), changed.shape[:2], bundle.release.face_policy)
    engine = load_engine(bundle, EngineConfig())
    wanted = engine.embed(changed[None], face.landmarks_px[None])[0]
    assert _same(found.embedding, wanted)


def test_a_photo_beyond_use_is_refused_with_a_reason(
    photos: EmbeddedPhotos, folder_settings: DegradeSettings
) -> None:
    path = DegradedPhotos(folder_settings)
    hopeless = ("low_resolution", "low_light", "overexposure", "defocus_blur")
    found = [path.take(_task(photos, 0, operator, 1.0)) for operator in hopeless]
    assert any(face.reject_reason for face in found)
    assert all((face.embedding is None) == (face.reject_reason is not None) for face in found)


def test_given_landmarks_need_no_detector(
    photos: EmbeddedPhotos, folder_settings: DegradeSettings
) -> None:
    given = DegradeSettings(
        folder_settings.photos, folder_settings.bundle, folder_settings.bundle_digest, detects=False
    )
    found = DegradedPhotos(given).take(_task(photos, 0, "jpeg", 0.0))
    assert _same(found.embedding, photos.embeddings[0])


def test_processes_change_nothing(photos: EmbeddedPhotos, folder_settings: DegradeSettings) -> None:
    tasks = [_task(photos, row, "mask", 0.8) for row in range(3)]
    seen: list[int] = []
    alone = list(take_all(tasks, folder_settings, 1, lambda done, _: seen.append(done)))
    several = list(take_all(tasks, folder_settings, 2, lambda _done, _all: None))
    assert seen == [1, 2, 3]
    for one, other in zip(alone, several, strict=True):
        assert one.reject_reason == other.reject_reason
        assert _same(one.embedding, other.embedding)


def test_refusals_and_comparisons_add_up(
    photos: EmbeddedPhotos, folder_settings: DegradeSettings
) -> None:
    mode = _mode(operators=["defocus_blur"])
    report = provoke([mode], photos, folder_settings, POINTS, CONFIG)["tried"]
    assert [condition.name for condition in report.conditions] == [
        "defocus_blur 0.1",
        "defocus_blur 1",
    ]
    for condition in report.conditions:
        rates = condition.points["fmr_1e-3"]
        assert condition.num_photos == PEOPLE  # the gate photos: a reference is never degraded
        num_refused = sum(condition.refused.values())
        assert condition.refused_share.num_errors == num_refused
        assert rates.fnmr_with_refusals.num_comparisons == PEOPLE
        assert rates.fnmr.num_comparisons == PEOPLE - num_refused
        assert rates.fmr.num_comparisons == (PEOPLE - num_refused) * 6
    mild, hard = report.conditions
    assert hard.refused_share.num_errors >= mild.refused_share.num_errors


def test_both_sides_wear_the_same(photos: EmbeddedPhotos, folder_settings: DegradeSettings) -> None:
    how = {"operators": ["sunglasses"], "severities": [0.4], "side": "both", "alike": True}
    report = provoke([_mode(**how)], photos, folder_settings, POINTS, CONFIG)["tried"]
    (condition,) = report.conditions
    rates = condition.points["fmr_1e-3"]
    left = 8 - sum(condition.refused.values())
    assert rates.fmr.num_comparisons + rates.fnmr.num_comparisons == left * (left - 1) // 2
    assert report.verdict in {"no_bound", "not_measured"}


def test_no_photos_provoke_nothing_and_pass_nothing(
    photos: EmbeddedPhotos, folder_settings: DegradeSettings
) -> None:
    off = CONFIG.model_copy(update={"failure_modes": FailureModesConfig(max_photos=0)})
    mode = _mode(operators=["jpeg"]).model_copy(update={"bound": 0.5})
    report = provoke([mode], photos, folder_settings, POINTS, off)["tried"]
    assert report.conditions == ()
    assert report.verdict == "not_measured"
    assert dict(report.measurements("failure_modes/tried", Least(1, 1))) == {}


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=15),
    max_photos=st.integers(1, 40),
    each=st.integers(2, 4),
    seed=st.integers(0, 99),
)
def test_choice_of_photos(sizes: list[int], max_photos: int, each: int, seed: int) -> None:
    people = np.repeat(np.arange(len(sizes)), sizes)
    usable = np.random.default_rng(seed).random(len(people)) < 0.8
    table = pd.DataFrame({"subject_id": [f"s{p}" for p in people], "capture_kind": None})
    photos = EmbeddedPhotos(table, np.zeros((len(people), 2), np.float32), usable)
    config = FailureModesConfig(max_photos=max_photos, photos_per_subject=each, seed=seed)
    chosen = choose_photos(photos, "probe", config)
    assert np.array_equal(chosen, choose_photos(photos, "probe", config))
    assert usable[chosen].all()
    assert len(set(chosen.tolist())) == len(chosen)
    num_usable = Counter(people[usable].tolist())
    assert len(chosen) == min(max_photos, sum(min(each, n) for n in num_usable.values()))
    taken = Counter(people[chosen].tolist())
    assert max(taken.values(), default=0) <= each
    # Somebody who has one photo only is taken when nobody with more is left.
    if any(num_usable[person] == 1 for person in taken):
        assert all(taken[p] == min(each, n) for p, n in num_usable.items() if n > 1)


@given(
    subjects=st.lists(st.sampled_from("abcd"), min_size=1, max_size=9),
    data=st.data(),
)
def test_nobody_is_compared_with_the_same_photo(subjects: list[str], data: st.DataObject) -> None:
    rows = st.lists(st.integers(0, len(subjects) - 1), min_size=1, unique=True)
    chosen = np.array(sorted(data.draw(rows)), dtype=np.int64)
    others = np.arange(len(subjects), dtype=np.int64)
    names = [subjects[row] for row in (*chosen, *others)]
    found = comparisons(names, chosen, others)
    photo = np.concatenate([chosen, others])
    assert len(found) == len(chosen) * (len(others) - 1)
    for left, right, genuine in zip(found.left, found.right, found.genuine, strict=True):
        assert left < len(chosen) <= right
        assert photo[left] != photo[right]
        assert genuine == (subjects[photo[left]] == subjects[photo[right]])
    among = comparisons([subjects[row] for row in chosen], chosen, others[:0])
    assert len(among) == len(chosen) * (len(chosen) - 1) // 2
