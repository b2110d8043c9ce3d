import pandas as pd

from data.training_labels import copied_elsewhere, training_labels

TABLE = pd.DataFrame(
    {
        "subject_id": ["b", "b", "b", "a", "a", "c", "d"],
        "split": ["train", "train", "train", "train", "train", "train", "test"],
        "reject_reason": [None, None, "no_face", None, None, None, None],
    }
)


def test_classes_are_counted_in_the_order_of_names() -> None:
    assert training_labels(TABLE, 2).tolist() == [1, 1, -1, 0, 0, -1, -1]
    assert training_labels(TABLE, 1).tolist() == [1, 1, -1, 0, 0, 2, -1]
    assert training_labels(TABLE, 3).tolist() == [-1] * 7


def test_photo_that_also_stands_in_another_split_is_not_trained_on() -> None:
    contents = ["x", "1", "2", "3", "4", "5", "x"]
    assert copied_elsewhere(TABLE, contents).tolist() == [True] + [False] * 6
    assert training_labels(TABLE, 1, contents).tolist() == [-1, 1, -1, 0, 0, 2, -1]
    # b has one usable photo left.
    assert training_labels(TABLE, 2, contents).tolist() == [-1, -1, -1, 0, 0, -1, -1]


def test_copies_within_the_train_split_stay() -> None:
    assert not copied_elsewhere(TABLE, ["x", "x", "2", "3", "4", "5", "6"]).any()
