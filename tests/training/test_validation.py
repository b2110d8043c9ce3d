import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import TrainingDataError
from training.validation import divide, pair_auc


@given(
    scores=st.lists(st.integers(-3, 3), min_size=1, max_size=30),
    flags=st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_auc_is_the_share_of_pairs_in_order(scores: list[int], flags: list[bool]) -> None:
    values = np.array(scores, np.float32)
    genuine = np.array(flags[: len(scores)])
    found = pair_auc(values, genuine)
    wins = [float(g > i) + 0.5 * float(g == i) for g in values[genuine] for i in values[~genuine]]
    assert found == (pytest.approx(np.mean(wins)) if wins else None)


@given(num_people=st.integers(3, 40), share=st.floats(0, 0.3), seed=st.integers(0, 99))
def test_people_are_divided_whole(num_people: int, share: float, seed: int) -> None:
    labels = np.append(np.repeat(np.arange(num_people) * 3, 2), [-1, -1])
    division = divide(labels, share, seed)
    trained, watched = set(labels[division.train_rows]), set(labels[division.validation_rows])
    assert not trained & watched
    assert trained | watched == set(range(0, 3 * num_people, 3))
    assert len(watched) == round(num_people * share)
    centres = division.train_labels[division.train_rows]
    assert (division.class_labels[centres] == labels[division.train_rows]).all()
    assert set(centres) == set(range(len(trained)))
    others = np.setdiff1d(np.arange(len(labels)), division.train_rows)
    assert (division.train_labels[others] == -1).all()


def test_share_that_leaves_nobody_is_refused() -> None:
    with pytest.raises(TrainingDataError, match="set aside"):
        divide(np.array([0, 0, 1, 1]), 0.5, 0)
