from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.pairs import cross_pairs
from evaluation.errors import SliceError
from evaluation.groups.slices import DEFAULT_SLICE_COLUMNS, SliceColumn, slice_name, slices_of
from evaluation.scores import ScoredSplit

GLASSES = SliceColumn(column="glasses", usual="no")
GENDER = SliceColumn(column="gender")


def split_of(table: pd.DataFrame) -> ScoredSplit:
    pairs = cross_pairs(list(table["subject_id"]))
    usable = np.ones(len(table), dtype=bool)
    return ScoredSplit(table, usable, pairs, np.zeros(len(pairs)))


def members(split: ScoredSplit, *columns: SliceColumn) -> dict[str, set[str]]:
    """Pairs of each slice, written as in `a1a2` from the image ids."""
    names = split.table["image_id"].to_numpy()
    return {
        part.name: {
            str(names[i] + names[j])
            for i, j in zip(
                split.pairs.left[part.members], split.pairs.right[part.members], strict=True
            )
        }
        for part in slices_of(split, columns)
    }


@pytest.fixture
def four() -> ScoredSplit:
    """Two photos of a, one of b, one of c, who is a's sibling."""
    return split_of(
        pd.DataFrame(
            {
                "image_id": ["a1", "a2", "b1", "c1"],
                "subject_id": ["a", "a", "b", "c"],
                "family_id": ["f1", "f1", None, "f1"],
                "capture_kind": ["id_photo", "gate", "gate", None],
                "gender": ["x", "x", "x", "y"],
                "glasses": ["no", "yes", "yes", None],
            }
        )
    )


def test_a_persons_attribute_needs_both_photos(four: ScoredSplit) -> None:
    found = members(four, GENDER)
    assert found["gender_x"] == {"a1a2", "a1b1", "a2b1"}
    assert "gender_y" not in found


def test_an_unusual_photo_makes_its_genuine_pair_unusual(four: ScoredSplit) -> None:
    found = members(four, GLASSES)
    assert found["glasses_yes"] == {"a1a2", "a2b1"}
    assert "glasses_no" not in found


def test_capture_kinds_count_in_either_order(four: ScoredSplit) -> None:
    found = members(four)
    assert found["id_photo_vs_gate"] == {"a1a2", "a1b1"}
    turned = replace(four, pairs=replace(four.pairs, left=four.pairs.right, right=four.pairs.left))
    assert len(members(turned)["id_photo_vs_gate"]) == 2
    assert found["gate_vs_gate"] == {"a2b1"}


def test_siblings_are_strangers_of_one_known_family(four: ScoredSplit) -> None:
    assert members(four)["siblings"] == {"a1c1", "a2c1"}


def test_names_hold_only_safe_characters() -> None:
    assert slice_name("age_band", "36+ / años") == "age_band_36____a_os"


def test_values_with_one_name_are_refused(four: ScoredSplit) -> None:
    table = four.table.assign(gender=["x+", "x+", "x/", "x/"])
    with pytest.raises(SliceError, match="gender_x_"):
        list(slices_of(replace(four, table=table), (GENDER,)))


def test_a_column_that_is_not_there_is_named(four: ScoredSplit) -> None:
    with pytest.raises(SliceError, match="'hat'"):
        list(slices_of(four, (SliceColumn(column="hat"),)))


def test_a_column_without_values_makes_no_slice(four: ScoredSplit) -> None:
    empty = four.table.assign(gender=None, capture_kind=None, family_id=None)
    assert list(slices_of(replace(four, table=empty), (GENDER,))) == []


attributes = st.sampled_from([None, "no", "yes"])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), attributes), min_size=2, max_size=12))
def test_impostors_are_within_the_cell_and_genuine_touch_it(
    rows: list[tuple[str, str | None]],
) -> None:
    table = pd.DataFrame(rows, columns=["subject_id", "glasses"]).assign(capture_kind=None)
    split = split_of(table)
    values = table["glasses"].to_numpy()
    left, right = values[split.pairs.left], values[split.pairs.right]
    for part in slices_of(split, (GLASSES,)):
        value = part.name.removeprefix("glasses_")
        both, either = (left == value) & (right == value), (left == value) | (right == value)
        expected = np.where(split.pairs.genuine & (value == "yes"), either, both)
        assert part.members.tolist() == expected.tolist()


def test_the_campus_has_slices_for_every_default_column(campus: ScoredSplit) -> None:
    names = [part.name for part in slices_of(campus, DEFAULT_SLICE_COLUMNS)]
    assert len(names) == len(set(names))
    for name in ("gender_feminine", "skin_tone_monk_08", "glasses_yes", "id_photo_vs_gate"):
        assert name in names


@pytest.mark.parametrize(("bare", "meant"), [(False, "no"), (True, "yes"), ("even", "even")])
def test_bare_yes_and_no_of_yaml_are_understood(bare: object, meant: str) -> None:
    assert SliceColumn.model_validate({"column": "glasses", "usual": bare}).usual == meant
