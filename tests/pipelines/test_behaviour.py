"""Behaviour tried for real: rendered people, real detector, tiny bundle, the server's path."""

from dataclasses import replace
from pathlib import Path

import pytest

from data.behaviour.registry import BehaviourCase, read_behaviour
from evaluation.config import BehaviourConfig, EvaluationConfig
from pipelines.behaviour import describe, try_behaviour
from pipelines.degraded_photo import DegradeSettings
from pipelines.scoring import EmbeddedPhotos
from serving.bundle import Bundle, open_bundle
from tests.pipelines.rendered import POINTS, rendered_photos

CONFIG = EvaluationConfig(behaviour=BehaviourConfig(max_photos=4, photos_per_subject=2))


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return open_bundle(tiny_bundle)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("photos")


@pytest.fixture(scope="module")
def photos(bundle: Bundle, folder: Path) -> EmbeddedPhotos:
    found = rendered_photos(bundle, folder)
    return replace(found, table=found.table.assign(capture_kind=None))


@pytest.fixture(scope="module")
def settings(bundle: Bundle, folder: Path) -> DegradeSettings:
    return DegradeSettings(folder, bundle.folder, bundle.digest, detects=True)


def _case(name: str, kind: str, how: dict[str, object], *metrics: str) -> BehaviourCase:
    return BehaviourCase.model_validate(
        {
            "id": name,
            "kind": kind,
            "story": "a test",
            "origin": "foreseen",
            "how": how,
            "expect": [{"metric": metric, "bound": 0.0} for metric in metrics],
            "owner": "ML engineer",
            "status": "open",
        }
    )


def _changed(operator: str, severities: tuple[float, ...], **how: object) -> dict[str, object]:
    return {
        "kind": "photos",
        "operators": [operator],
        "severities": list(severities),
        "side": "one",
        **how,
    }


INVARIANCE = ("genuine_flip_rate", "impostor_new_matches")


def test_comparisons_refusals_and_flips_add_up(
    photos: EmbeddedPhotos, settings: DegradeSettings
) -> None:
    cases = [
        _case("blurred", "invariance", _changed("defocus_blur", (0.1, 1.0)), *INVARIANCE),
        _case("both", "invariance", _changed("defocus_blur", (0.1,), side="both"), *INVARIANCE),
    ]
    found = try_behaviour(cases, photos, settings, POINTS, CONFIG)
    mild, hard = found.reports["blurred"].conditions
    assert (mild.name, mild.num_photos) == ("defocus_blur 0.1", 4)
    for condition in (mild, hard):
        num_left = 4 - sum(condition.refused.values())
        if num_left:
            assert condition.metrics["genuine_flip_rate"].n == num_left
            assert condition.metrics["impostor_flip_rate"].n == num_left * 6
    assert sum(hard.refused.values()) >= sum(mild.refused.values())
    (both,) = found.reports["both"].conditions
    left = 4 - sum(both.refused.values())
    assert both.metrics["impostor_fmr"].n + both.metrics["genuine_flip_rate"].n == (
        left * (left - 1) // 2
    )
    assert set(found.flips["case"]) <= {"blurred", "both"}
    flips = found.flips.astype({"score_before": float, "score_after": float})
    matched_before = flips["score_before"] >= POINTS["fmr_1e-3"].threshold
    matched_after = flips["score_after"] >= POINTS["fmr_1e-3"].threshold
    assert (matched_before != matched_after).all()


def test_photos_that_stay_the_same_move_no_score(
    photos: EmbeddedPhotos, settings: DegradeSettings
) -> None:
    """Landmarks kept and a change that is below a grey level: nothing may move."""
    how = _changed("brightness", (0.001,), faces="kept")
    report = try_behaviour(
        [_case("kept", "invariance", how, *INVARIANCE)], photos, settings, POINTS, CONFIG
    ).reports["kept"]
    (condition,) = report.conditions
    assert condition.genuine_score_change is not None
    assert condition.genuine_score_change.value == pytest.approx(0, abs=2e-3)
    assert condition.metrics["genuine_flip_rate"].value == 0


def test_kept_landmarks_see_the_shift_and_a_detector_makes_it_good(
    photos: EmbeddedPhotos, settings: DegradeSettings
) -> None:
    cases = [
        _case("kept", "invariance", _changed("shift", (1.0,), faces="kept"), *INVARIANCE),
        _case("detected", "invariance", _changed("shift", (1.0,)), *INVARIANCE),
    ]
    reports = try_behaviour(cases, photos, settings, POINTS, CONFIG).reports
    kept, detected = (reports[name].conditions[0].genuine_score_change for name in reports)
    assert kept is not None
    assert detected is not None
    assert abs(detected.value) < abs(kept.value)


def test_the_server_gives_one_photo_one_answer_in_any_order(
    photos: EmbeddedPhotos, settings: DegradeSettings
) -> None:
    case = _case("same", "minimum", {"kind": "same_photo"}, "score_deficit", "order_difference")
    report = try_behaviour([case], photos, settings, POINTS, CONFIG).reports["same"]
    (condition,) = report.conditions
    assert condition.metrics["score_deficit"].n == 4
    assert condition.metrics["score_deficit"].value < 1e-4
    assert condition.metrics["order_difference"].value == 0


def test_nobody_is_found_in_junk(photos: EmbeddedPhotos, settings: DegradeSettings) -> None:
    pictures = ["black", "grey", "noise"]
    cases = [
        _case(
            "looked_at",
            "minimum",
            {"kind": "junk", "pictures": pictures, "faces": "detected"},
            "junk_accepted",
        ),
        _case(
            "crops",
            "minimum",
            {"kind": "junk", "pictures": pictures, "faces": "template"},
            "junk_matches",
            "junk_pair_matches",
        ),
    ]
    reports = try_behaviour(cases, photos, settings, POINTS, CONFIG).reports
    assert reports["looked_at"].verdict == "within"
    assert reports["looked_at"].conditions[0].refused == {"no_face": 3}
    crops = reports["crops"].conditions[0]
    assert crops.metrics["junk_matches"].n == 3 * len(photos.table)
    assert crops.metrics["junk_pair_matches"].n == 3
    assert "junk_accepted" not in crops.metrics


def test_without_a_detector_the_server_is_not_measured(
    photos: EmbeddedPhotos, settings: DegradeSettings
) -> None:
    given = DegradeSettings(settings.photos, settings.bundle, settings.bundle_digest, detects=False)
    case = _case("same", "minimum", {"kind": "same_photo"}, "score_deficit")
    report = try_behaviour([case], photos, given, POINTS, CONFIG).reports["same"]
    assert (report.conditions, report.verdict) == ((), "not_measured")


def test_no_photos_try_nothing(photos: EmbeddedPhotos, settings: DegradeSettings) -> None:
    off = CONFIG.model_copy(update={"behaviour": BehaviourConfig(max_photos=0)})
    found = try_behaviour(read_behaviour(), photos, settings, POINTS, off)
    assert found.reports == {}
    assert len(found.flips) == 0


def test_same_input_same_report(photos: EmbeddedPhotos, settings: DegradeSettings) -> None:
    case = _case("noisy", "direction", _changed("noise", (0.2, 0.4)), "quality_rise")
    first, again = (try_behaviour([case], photos, settings, POINTS, CONFIG) for _ in range(2))
    assert first.reports == again.reports
    assert first.flips.equals(again.flips)


def test_every_case_of_the_registry_says_how_it_is_tried() -> None:
    lines = {case.id: describe(case.how) for case in read_behaviour()}
    assert len(set(lines.values())) == len(lines)
    assert lines["landmarks_off"] == "shift at 0.3, 0.85 on one photo, landmarks kept"
