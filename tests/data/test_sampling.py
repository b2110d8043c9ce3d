import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given, settings

from data.sampling import SamplingConfig, Scheme, sampling_weights


def table_of(sizes: list[int], genders: list[str | None] | None = None) -> pd.DataFrame:
    people = [who for who, size in enumerate(sizes) for _ in range(size)]
    table = pd.DataFrame({"subject_id": [f"s{p}" for p in people], "label": people})
    table["image_id"] = [f"i{n}" for n in range(len(table))]
    if genders is not None:
        table["gender"] = [genders[p] for p in people]
    return table


def per_cell(**changes: object) -> SamplingConfig:
    fields = {"scheme": "per_cell", "columns": ("gender",), "exponent": 1.0, "max_weight": 100.0}
    return SamplingConfig.model_validate({**fields, **changes})


def test_none_draws_every_trained_photo_alike() -> None:
    table = table_of([3, 1])
    table.loc[2, "label"] = -1
    assert sampling_weights(table, SamplingConfig()).tolist() == [1, 1, 0, 1]


def test_per_subject_makes_people_count_alike() -> None:
    table = table_of([6, 2, 1])
    config = SamplingConfig(scheme="per_subject", exponent=1.0, max_weight=100)
    totals = sampling_weights(table, config).groupby(table["subject_id"]).sum()
    assert totals.tolist() == pytest.approx([3, 3, 3])


def test_per_cell_makes_cells_count_alike() -> None:
    table = table_of([3, 3, 2], ["f", "f", "m"])
    totals = sampling_weights(table, per_cell()).groupby(table["gender"]).sum()
    assert totals.tolist() == pytest.approx([4, 4])


def test_exponent_tempers() -> None:
    table = table_of([8, 2], ["f", "m"])
    half = sampling_weights(table, per_cell(exponent=0.5))
    assert half.iloc[-1] / half.iloc[0] == pytest.approx(2)
    assert sampling_weights(table, per_cell(exponent=0)).tolist() == pytest.approx([1] * 10)


def test_unknown_cell_keeps_the_average_weight() -> None:
    table = table_of([8, 2, 3], ["f", "m", None])
    weights = sampling_weights(table, per_cell())
    assert weights[table["gender"].isna()].tolist() == [1, 1, 1]
    assert weights.mean() == pytest.approx(1)
    nobody = table.assign(gender=None)
    assert sampling_weights(nobody, per_cell()).tolist() == [1] * 13


@settings(max_examples=200)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=20),
    st.sampled_from(["none", "per_subject", "per_cell"]),
    st.floats(0, 1),
    st.floats(1, 10),
)
def test_mean_is_one_and_no_weight_is_above_the_limit(
    sizes: list[int], scheme: Scheme, exponent: float, limit: float
) -> None:
    table = table_of(sizes, ["fmx"[n % 3] for n in range(len(sizes))])
    config = per_cell(scheme=scheme, exponent=exponent, max_weight=limit)
    weights = sampling_weights(table, config)
    assert weights.mean() == pytest.approx(1)
    assert weights.max() <= limit * (1 + 1e-6)
    assert weights.min() > 0
