import numpy as np
import pandas as pd
import pytest

from data.protocols.ages import band_limits, gap_bin, gap_bins, oldest


@pytest.mark.parametrize(
    ("band", "limits"),
    [
        ("18_21", (18, 21)),
        ("22-25", (22, 25)),
        ("36_plus", (36, np.inf)),
        ("36+", (36, np.inf)),
        ("under_18", (0, 17)),
    ],
)
def test_limits_of_a_band(band: str, limits: tuple[float, float]) -> None:
    assert band_limits(band) == limits


@pytest.mark.parametrize("band", ["young", "", None, "18_21_25", float("nan")])
def test_other_labels_say_nothing(band: object) -> None:
    assert np.isnan(band_limits(band)).all()


def test_year_comes_before_band() -> None:
    table = pd.DataFrame(
        {"age_years": [20.5, np.nan, np.nan], "age_band": ["36_plus", "26_35", None]}
    )
    assert oldest(table)[:2].tolist() == [20.5, 35]
    assert np.isnan(oldest(table)[2])


def test_gaps_fall_into_their_bins() -> None:
    bounds = (1.0, 3.0)
    assert gap_bins(bounds) == ("gap_0_1", "gap_1_3", "gap_3_plus", "gap_unknown")
    found = gap_bin(np.array([0, 0.99, 1, 2.9, 3, 40, np.nan]), bounds)
    assert found.tolist() == [
        *["gap_0_1"] * 2,
        *["gap_1_3"] * 2,
        *["gap_3_plus"] * 2,
        "gap_unknown",
    ]
