import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from evaluation.config import EvaluationConfig
from evaluation.errors import NoThresholdError, TooFewComparisonsError
from evaluation.measures.metrics import fmr
from evaluation.operating_points import operating_points, point_name
from evaluation.scores import Scores

cosine = st.one_of(st.just(-math.inf), st.floats(-1, 1))


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (1e-1, "fmr_1e-1"),
        (1e-2, "fmr_1e-2"),
        (0.001, "fmr_1e-3"),
        (0.00025, "fmr_2.5e-4"),
        (0.05, "fmr_5e-2"),
    ],
)
def test_names(target: float, name: str) -> None:
    assert point_name(target) == name


def test_by_hand() -> None:
    found = operating_points(np.arange(-50, 50) / 100, (0.1, 0.01))
    assert list(found) == ["fmr_1e-1", "fmr_1e-2"]
    assert found["fmr_1e-1"].model_dump() == {
        "target_fmr": 0.1,
        "threshold": np.nextafter(0.39, 1),
        "num_impostor_pairs": 100,
        "realised_fmr": 0.1,
    }


@settings(deadline=None)
@given(arrays(np.float64, st.integers(20, 80), elements=cosine), st.floats(0.05, 0.95))
def test_every_point_keeps_its_target_within_the_cosine_range(
    impostor: Scores, target: float
) -> None:
    try:
        (point,) = operating_points(impostor, (target,)).values()
    except NoThresholdError:
        assert np.mean(impostor == 1) > target
        return
    assert -1 <= point.threshold <= 1
    assert point.realised_fmr == fmr(impostor, point.threshold) <= target


def test_where_nearly_all_failed_the_threshold_is_the_lowest_cosine() -> None:
    impostor = np.array([-math.inf] * 19 + [0.5])
    assert operating_points(impostor, (0.1,))["fmr_1e-1"].threshold == -1


def test_a_collapsed_embedder_has_no_threshold() -> None:
    with pytest.raises(NoThresholdError, match="train it again"):
        operating_points(np.ones(100), (0.1,))


def test_too_few_impostors_are_refused() -> None:
    with pytest.raises(TooFewComparisonsError, match=r"FMR 0\.001: 100 comparisons, 1000 needed"):
        operating_points(np.arange(100) / 100, (0.1, 0.001))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"target_fmrs": ()}, "at least 1"),
        ({"target_fmrs": (0.0,)}, "greater than 0"),
        ({"target_fmrs": (1.0,)}, "less than 1"),
        ({"target_fmrs": (1e-3, 0.001)}, "twice"),
        ({"target_fmrs": (1e-2,)}, "'fmr_1e-3' is not one of: fmr_1e-2"),
        ({"protocol": "ijb"}, "protocol"),
        ({"min_pairs": 3}, "min_pairs"),
    ],
)
def test_config_that_makes_no_sense_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        EvaluationConfig.model_validate(values)
