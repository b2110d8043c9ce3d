"""Published protocols: accuracy, TAR at FMR, groups, and figures beside figures."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.pairs import Pairs
from data.published_figures import PublishedFigure
from evaluation.errors import TooFewComparisonsError
from evaluation.scores import ScoredSplit
from evaluation.suites.public_protocols import (
    PublicProtocolReport,
    compare_figures,
    group_spread,
    judge_verification,
)

FIGURE = PublishedFigure(
    weights_sha256="0" * 64,
    set="lfw",
    percent="99.48",
    definition="tenfold",
    mirrored=False,
    source="a paper",
    remark="",
)


def _split(
    num_each: int = 50, spread: float = 0.2, seed: int = 0, shift: float = 0.0
) -> ScoredSplit:
    """Ten folds of pairs of photos that nobody else is in."""
    num = 20 * num_each
    rng = np.random.default_rng(seed)
    genuine = np.tile(np.repeat([True, False], num_each), 10)
    people = np.repeat(np.arange(num), 2)
    people[1::2] = np.where(genuine, people[::2], people[1::2] + num)
    table = pd.DataFrame({"subject_id": [f"s{person}" for person in people]})
    scores = np.where(genuine, 0.6, 0.0) + shift + rng.normal(0, spread, num)
    pairs = Pairs(
        np.arange(0, 2 * num, 2),
        np.arange(1, 2 * num, 2),
        genuine,
        np.repeat(np.arange(10), 2 * num_each),
    )
    return ScoredSplit(table, np.ones(2 * num, dtype=bool), pairs, np.clip(scores, -1, 1))


def test_report_holds_what_papers_print() -> None:
    split = _split()
    found = judge_verification(split, "image", 0.95)
    assert found.accuracy is not None
    assert 0.85 < found.accuracy.mean < 1
    assert found.num_genuine_pairs == found.num_impostor_pairs == 500
    assert [tar.target_fmr for tar in found.tars] == [1e-2, 1e-1]  # 500 impostors show no 1e-3
    for tar in found.tars:
        assert tar.fmr.rate is not None
        assert tar.fnmr.rate is not None
        assert tar.fmr.rate <= tar.target_fmr
        assert tar.fnmr.low <= tar.fnmr.rate <= tar.fnmr.high
    # With one impostor more let in, the FMR would be above the target.
    impostor = np.sort(split.impostor_scores)
    for tar in found.tars:
        assert np.mean(split.impostor_scores >= impostor[impostor < tar.threshold][-1]) > (
            tar.target_fmr
        )


def test_measurements_have_stable_keys() -> None:
    found = judge_verification(_split(), "image", 0.95)
    report = PublicProtocolReport(
        protocol="lfw",
        bundle_name="tiny",
        bundle_digest="0" * 64,
        faces="given",
        sets={"lfw": found},
    )
    measured = report.measurements()
    assert {"public/lfw/accuracy", "public/lfw/eer", "public/lfw/tar_at_fmr_1e-2"} <= set(measured)
    tar = measured["public/lfw/tar_at_fmr_1e-2"]
    assert tar.low is not None
    assert tar.high is not None
    assert tar.low <= tar.value <= tar.high
    assert PublicProtocolReport.model_validate_json(report.model_dump_json()) == report


def test_without_folds_there_is_no_accuracy_over_folds() -> None:
    split = _split()
    pairs = replace(split.pairs, fold=None)
    found = judge_verification(replace(split, pairs=pairs), "template", 0.95)
    assert found.accuracy is found.accuracy_on_grid is None
    assert 0.85 < found.best_single_accuracy < 1
    assert found.figure("tenfold") is None


def test_failed_photos_count_and_never_match() -> None:
    split = _split()
    usable = split.usable.copy()
    usable[:40] = False
    scores = split.scores.copy()
    scores[:20] = -np.inf
    found = judge_verification(replace(split, usable=usable, scores=scores), "image", 0.95)
    whole = judge_verification(split, "image", 0.95)
    assert found.num_failures_to_extract == 40
    assert found.accuracy is not None
    assert whole.accuracy is not None
    assert found.accuracy.mean < whole.accuracy.mean


def test_one_side_alone_is_refused() -> None:
    split = _split()
    kept = np.flatnonzero(split.pairs.genuine)
    pairs = Pairs(split.pairs.left[kept], split.pairs.right[kept], split.pairs.genuine[kept])
    with pytest.raises(TooFewComparisonsError, match="impostor"):
        judge_verification(replace(split, pairs=pairs, scores=split.scores[kept]), "image", 0.95)


def test_one_threshold_for_all_shows_whom_the_own_one_hides() -> None:
    """A group whose scores are all higher is as accurate, and is falsely matched more often."""
    groups = {"first": _split(seed=1), "second": _split(seed=2, shift=0.25)}
    found = group_spread(groups, 0.95)
    assert found.range_accuracy < 0.03
    first, second = (found.at_common_threshold[name].fmr.rate for name in groups)
    assert first is not None
    assert second is not None
    assert second > 3 * first


def test_spread_by_hand() -> None:
    groups = {"good": _split(spread=0.15, seed=1), "bad": _split(spread=0.3, seed=2)}
    found = group_spread(groups, 0.95)
    reports = [judge_verification(split, "image", 0.95).accuracy for split in groups.values()]
    good, bad = (report.mean for report in reports if report is not None)
    assert found.mean_accuracy == pytest.approx((good + bad) / 2)
    assert found.range_accuracy == pytest.approx(good - bad)
    assert found.std_accuracy == pytest.approx((good - bad) / np.sqrt(2))
    assert found.skewed_error_ratio == pytest.approx((1 - bad) / (1 - good))


@pytest.mark.parametrize(
    ("percent", "value", "agrees"),
    [
        ("99.48", 0.9948, True),
        ("99.48", 0.994751, True),
        ("99.48", 0.99485001, False),
        ("99.5", 0.9948, True),
        ("99.653", 0.9965, False),
    ],
)
def test_agreement_is_equality_at_the_printed_digits(
    percent: str, value: float, agrees: bool
) -> None:
    assert FIGURE.model_copy(update={"percent": percent}).agrees(value) == agrees


def test_figures_are_compared_with_the_same_set_made_the_same_way() -> None:
    found = judge_verification(_split(), "image", 0.95)
    assert found.accuracy is not None
    figures = [
        FIGURE,
        FIGURE.model_copy(update={"definition": "best_single"}),
        FIGURE.model_copy(update={"mirrored": True}),  # was not asked for
        FIGURE.model_copy(update={"set": "agedb_30"}),
    ]
    plain, single = compare_figures(figures, {"lfw": found})
    assert plain.ours == found.accuracy.mean
    assert single.ours == found.best_single_accuracy
    assert plain.pairs_apart == pytest.approx((plain.ours - 0.9948) * 1000)
    assert not plain.agrees
