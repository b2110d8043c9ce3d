from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from evaluation.errors import SliceError
from evaluation.groups.predicates import Condition, NamedSlice
from evaluation.groups.slices import SliceColumn, slices_of
from evaluation.scores import ScoredSplit

TABLE = pd.DataFrame({"quality_total": [20.0, 40.0, np.nan, 80.0], "gender": ["x", "y", None, "y"]})


@pytest.mark.parametrize(
    ("relation", "value", "met"),
    [
        ("below", 40, [True, False, False, False]),
        ("at_most", 40, [True, True, False, False]),
        ("above", 40, [False, False, False, True]),
        ("at_least", 40, [False, True, False, True]),
        ("equals", 40, [False, True, False, False]),
        ("differs", 40, [True, False, False, True]),
        ("one_of", [20, 80], [True, False, False, True]),
    ],
)
def test_a_photo_without_a_value_never_meets_a_condition(
    relation: str, value: object, met: list[bool]
) -> None:
    condition = Condition.model_validate(
        {"column": "quality_total", "relation": relation, "value": value}
    )
    assert condition.met(TABLE).tolist() == met


def test_texts_are_compared_by_equality() -> None:
    assert Condition(column="gender", relation="differs", value="x").met(TABLE).tolist() == [
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("relation", "value", "message"),
    [
        ("below", "x", "compares numbers"),
        ("one_of", 3, "list of values"),
        ("equals", [3], "list of values"),
        ("like", 3, "relation"),
    ],
)
def test_what_makes_no_sense_is_refused(relation: str, value: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Condition.model_validate({"column": "c", "relation": relation, "value": value})


def test_a_wrong_column_is_named() -> None:
    with pytest.raises(SliceError, match="'hat'"):
        Condition(column="hat", relation="equals", value=1).met(TABLE)
    with pytest.raises(SliceError, match="'gender' holds no numbers"):
        Condition(column="gender", relation="below", value=1).met(TABLE)


def test_a_named_slice_takes_all_its_conditions(campus: ScoredSplit) -> None:
    quality = np.linspace(0, 100, len(campus.table))
    split = replace(campus, table=campus.table.assign(quality_total=quality))
    poor = NamedSlice(
        name="poor_glasses",
        conditions=(
            Condition(column="quality_total", relation="below", value=40),
            Condition(column="glasses", relation="equals", value="yes"),
        ),
        genuine="either",
    )
    (found,) = (p for p in slices_of(split, (), named=(poor,)) if p.name == "poor_glasses")
    inside = (quality < 40) & (split.table["glasses"] == "yes").to_numpy()
    left, right = inside[split.pairs.left], inside[split.pairs.right]
    expected = np.where(split.pairs.genuine, left | right, left & right)
    assert found.members.tolist() == expected.tolist()
    assert found.family is None


def test_cells_of_a_crossing_are_alike_in_every_column(campus: ScoredSplit) -> None:
    columns = (SliceColumn(column="gender"), SliceColumn(column="skin_tone"))
    found = {
        part.name: part
        for part in slices_of(campus, columns, [("gender", "skin_tone")])
        if part.family == "gender-x-skin_tone"
    }
    assert sorted(found) == [
        f"gender_{gender}-x-skin_tone_{tone}"
        for gender in ("feminine", "masculine")
        for tone in ("monk_02", "monk_08")
    ]
    table = campus.table
    for gender, tone in (("feminine", "monk_02"), ("masculine", "monk_08")):
        inside = ((table["gender"] == gender) & (table["skin_tone"] == tone)).to_numpy()
        expected = inside[campus.pairs.left] & inside[campus.pairs.right]
        part = found[f"gender_{gender}-x-skin_tone_{tone}"]
        assert part.members.tolist() == expected.tolist()


def test_a_photos_state_in_a_crossing_may_be_on_either_side(campus: ScoredSplit) -> None:
    columns = (SliceColumn(column="gender"), SliceColumn(column="glasses", usual="no"))
    found = {p.name: p for p in slices_of(campus, columns, [("gender", "glasses")])}
    part = found["gender_feminine-x-glasses_yes"]
    feminine = (campus.table["gender"] == "feminine").to_numpy()
    glasses = (campus.table["glasses"] == "yes").to_numpy()
    left, right = campus.pairs.left, campus.pairs.right
    both = feminine[left] & feminine[right]
    touched = np.where(
        campus.pairs.genuine, glasses[left] | glasses[right], glasses[left] & glasses[right]
    )
    assert part.members.tolist() == (both & touched).tolist()


def test_a_crossing_of_an_unknown_column_is_refused(campus: ScoredSplit) -> None:
    with pytest.raises(SliceError, match="'gender', which is no slice column"):
        list(slices_of(campus, (), [("gender", "skin_tone")]))


def test_a_value_that_looks_like_a_crossing_is_refused(campus: ScoredSplit) -> None:
    table = campus.table.assign(gender="a-x-b")
    with pytest.raises(SliceError, match="looks like a crossing"):
        list(slices_of(replace(campus, table=table), (SliceColumn(column="gender"),)))
