import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from pydantic import ValidationError

from data.balance import BalanceConfig, balance_of, evenness

CONFIG = BalanceConfig(columns=("gender", "age_band"), num_smallest=2)


@pytest.fixture
def table() -> pd.DataFrame:
    rows = [
        # image, person, split, gender, age band, rejected
        ("a1", "a", "train", "feminine", "18_21", None),
        ("a2", "a", "train", "feminine", "18_21", "no_face"),
        ("b1", "b", "train", "feminine", "18_21", None),
        ("c1", "c", "train", "masculine", "26_35", None),
        ("d1", "d", "train", "masculine", None, None),
        ("e1", "e", "test", "feminine", "26_35", None),
    ]
    table = pd.DataFrame(
        rows, columns=["image_id", "subject_id", "split", "gender", "age_band", "reject_reason"]
    )
    table["gender_provenance"] = ["ground_truth"] * 4 + ["predicted:gear"] * 2
    table["age_band_provenance"] = table["age_band"].map(lambda _: "manual", na_action="ignore")
    return table


def test_people_and_photos_of_each_cell(table: pd.DataFrame) -> None:
    cells = balance_of(table, CONFIG).cells
    rows = {row[:3]: row[3:] for row in cells.itertuples(index=False, name=None)}
    assert len(rows) == 2 * 2 * 3
    assert rows["train", "feminine", "18_21"] == (2, 3, 2)
    assert rows["train", "masculine", "unknown"] == (1, 1, 1)
    assert rows["test", "masculine", "26_35"] == (0, 0, 0)
    assert cells["num_photos"].sum() == len(table)


def test_shares_of_each_label(table: pd.DataFrame) -> None:
    labels = balance_of(table, CONFIG).labels.set_index(["split", "column", "value"])["share"]
    assert labels["train", "gender", "feminine"] == 0.5
    assert labels["test", "gender", "masculine"] == 0
    assert labels.groupby(["split", "column"]).sum().tolist() == pytest.approx([1] * 4)


def test_summary_names_small_cells_and_origins(table: pd.DataFrame) -> None:
    summary = balance_of(table, CONFIG).summary
    assert summary["provenance"] == {
        "gender": {"ground_truth": 4, "predicted:gear": 2},
        "age_band": {"manual": 5, "unknown": 1},
    }
    splits = summary["splits"]
    assert isinstance(splits, dict)
    train = splits["train"]
    assert train["smallest"] == {"masculine/26_35": 1, "masculine/unknown": 1}
    assert (train["num_cells"], train["num_empty_cells"]) == (6, 3)
    # 2, 1 and 1 of 4 people in 6 cells.
    entropy = -(0.5 * np.log(0.5) + 2 * 0.25 * np.log(0.25)) / np.log(6)
    assert train["entropy"] == pytest.approx(entropy, abs=1e-4)
    assert train["total_variation_from_even"] == pytest.approx(0.5, abs=1e-4)


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=30))
def test_evenness_is_within_its_bounds(counts: list[int]) -> None:
    entropy, variation = evenness(np.array(counts))
    assert 0 <= entropy <= 1 + 1e-9
    assert 0 <= variation <= 1 - 1 / len(counts) + 1e-9


def test_evenness_at_its_ends() -> None:
    assert evenness(np.array([7, 7, 7])) == pytest.approx((1, 0))
    assert evenness(np.array([0, 9, 0, 0])) == pytest.approx((0, 0.75))
    assert evenness(np.array([0, 0])) == (1, 0)
    assert evenness(np.array([3])) == (1, 0)


@pytest.mark.parametrize("columns", [("gender", "gender"), ("shoe_size",), ()])
def test_columns_are_attributes(columns: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError):
        BalanceConfig(columns=columns)
