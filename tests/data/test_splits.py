from random import Random

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from data.errors import SourceError
from data.manifest import SPLITS
from data.splits import SplitConfig, assign_splits, family_leaks, groups_of, split_by_protocol

CONFIG = SplitConfig(train_share=0.5, calibration_share=0.2, test_share=0.3, seed=4)
FOUR = SplitConfig(train_share=0.4, canary_share=0.1, calibration_share=0.2, test_share=0.3, seed=4)


def people(*rows: tuple[str, str | None]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["subject_id", "family_id"])


subjects = st.sampled_from([f"s{i}" for i in range(12)])
families = st.sampled_from([None, "f1", "f2", "f3"])
tables = st.lists(st.tuples(subjects, families), min_size=1, max_size=40).map(
    lambda rows: people(*rows)
)


@settings(deadline=None)
@given(tables, st.integers(0, 50))
def test_no_person_and_no_family_is_in_two_splits(table: pd.DataFrame, seed: int) -> None:
    config = FOUR.model_copy(update={"seed": seed})
    split = assign_splits(table, config)
    assert set(split) <= {*SPLITS}
    assert split.groupby(table["subject_id"]).nunique().max() == 1
    known = table["family_id"].notna()
    assert split[known].groupby(table.loc[known, "family_id"]).nunique().le(1).all()
    assert family_leaks(table.assign(split=split)) == []


@settings(deadline=None)
@given(tables, st.lists(st.tuples(st.sampled_from(["new1", "new2"]), st.none()), max_size=5))
def test_new_people_move_nobody(table: pd.DataFrame, added: list[tuple[str, None]]) -> None:
    larger = pd.concat([people(*added), table], ignore_index=True)
    before = assign_splits(table, FOUR)
    after = assign_splits(larger, FOUR).iloc[len(added) :]
    assert before.tolist() == after.tolist()


@settings(deadline=None)
@given(tables, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(table: pd.DataFrame, random: Random) -> None:
    shuffled = table.sample(frac=1, random_state=random.randrange(2**31))
    assert assign_splits(shuffled, CONFIG).sort_index().equals(assign_splits(table, CONFIG))


def test_families_that_share_a_person_are_one_group() -> None:
    table = people(("a", "f1"), ("b", "f1"), ("b", "f2"), ("c", "f2"), ("d", None), ("a", None))
    assert groups_of(table).tolist() == ["family:f1"] * 4 + ["subject:d", "family:f1"]


def test_a_chain_of_many_families_is_one_group() -> None:
    links = [(f"s{i:03d}", f"f{j:03d}") for i in range(200) for j in (i, i + 1)]
    assert set(groups_of(people(*links[::-1]))) == {"family:f000"}


def test_a_subject_named_like_a_family_stays_apart_from_it() -> None:
    assert groups_of(people(("x", None), ("y", "x"))).nunique() == 2


def test_shares_hold_in_expectation() -> None:
    table = people(*((f"s{i}", None) for i in range(4000)))
    found = assign_splits(table, CONFIG).value_counts(normalize=True)
    # Four standard errors of a share of 4,000 draws are at most 0.032.
    assert found["train"] == pytest.approx(0.5, abs=0.032)
    assert found["calibration"] == pytest.approx(0.2, abs=0.032)
    assert found["test"] == pytest.approx(0.3, abs=0.032)


def test_another_seed_divides_otherwise() -> None:
    table = people(*((f"s{i}", None) for i in range(200)))
    other = CONFIG.model_copy(update={"seed": 5})
    assert not assign_splits(table, CONFIG).equals(assign_splits(table, other))


@pytest.mark.parametrize("empty", SPLITS)
def test_a_share_of_zero_gets_nobody(empty: str) -> None:
    shares = {f"{split}_share": 0.0 if split == empty else 1 / 3 for split in SPLITS}
    table = people(*((f"s{i}", None) for i in range(500)))
    assert set(assign_splits(table, SplitConfig(**shares))) == {*SPLITS} - {empty}


def test_a_canary_cut_out_of_the_train_share_moves_nobody_else() -> None:
    table = people(*((f"s{i}", None) for i in range(2000)))
    before, after = assign_splits(table, CONFIG), assign_splits(table, FOUR)
    moved = before != after
    assert set(before[moved]) == {"train"}
    assert set(after[moved]) == {"canary"}
    # A tenth of the 2,000; four standard errors are 0.027.
    assert moved.mean() == pytest.approx(0.1, abs=0.027)


def test_shares_must_add_up() -> None:
    with pytest.raises(ValidationError, match=r"add up to 0\.9"):
        SplitConfig(train_share=0.5, calibration_share=0.2, test_share=0.2)


def test_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="holdout_share"):
        SplitConfig.model_validate({"holdout_share": 0.1})


def test_protocol_people_and_their_families_are_the_test_split() -> None:
    table = people(("a", "f1"), ("b", "f1"), *((f"s{i}", None) for i in range(300)))
    split = split_by_protocol(table, {"a"}, CONFIG)
    assert split[:2].tolist() == ["test", "test"]
    assert set(split[2:]) == {"train", "calibration"}
    # 5 : 2 of the 300 others; four standard errors are 0.104.
    assert (split[2:] == "train").mean() == pytest.approx(5 / 7, abs=0.104)


def test_a_protocol_leaves_the_canary_its_part_of_the_others() -> None:
    table = people(("a", None), *((f"s{i}", None) for i in range(2000)))
    split = split_by_protocol(table, {"a"}, FOUR)
    assert split[0] == "test"
    # 1 in 7 of the others; four standard errors are 0.032.
    assert (split[1:] == "canary").mean() == pytest.approx(1 / 7, abs=0.032)


def test_protocol_person_without_photo_is_named() -> None:
    with pytest.raises(SourceError, match="'Zoe'"):
        split_by_protocol(people(("a", None)), {"a", "Zoe"}, CONFIG)


def test_protocol_needs_someone_to_train_on() -> None:
    config = SplitConfig(train_share=0, calibration_share=0, test_share=1)
    with pytest.raises(SourceError, match="train_share, canary_share and calibration_share"):
        split_by_protocol(people(("a", None)), {"a"}, config)


def test_leaks_are_named() -> None:
    table = people(("a", "f1"), ("b", "f1"), ("c", None), ("c", None), ("d", None))
    table["split"] = ["train", "test", "train", "calibration", "test"]
    assert family_leaks(table) == ["family:f1", "subject:c"]
