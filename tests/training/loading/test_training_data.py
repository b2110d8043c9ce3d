import numpy as np
import pytest

from training.errors import TrainingDataError
from training.loading.crop_sources import PackedCrops
from training.loading.training_data import TrainingData

CROPS = PackedCrops(np.zeros((3, 112, 112, 3), np.uint8))
LABELS = np.array([0, 1, -1])


def test_good_data_passes() -> None:
    TrainingData(CROPS, LABELS).check()
    TrainingData(CROPS, LABELS, np.array([0.0, 1.0, 2.5])).check()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 1]), r"\(2,\) do not go with 3 crops"),
        (np.array([[0], [1], [2]]), r"\(3, 1\)"),
        (np.array([0.0, 1.0, 2.0]), "float64"),
        (np.array([0.0, np.nan, 2.0]), "float64"),
        (np.array(["a", "b", "c"]), "one whole number for each"),
        (np.array([True, False, True]), "bool"),
        (np.array([0, -2, 1]), "label -2 of crop 1"),
    ],
)
def test_labels_that_are_none_are_refused(labels: np.ndarray, message: str) -> None:
    with pytest.raises(TrainingDataError, match=message):
        TrainingData(CROPS, labels).check()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 1.0], r"\(2,\) do not go with 3 crops"),
        ([1.0, np.nan, 1.0], "weight nan of crop 1"),
        ([1.0, 1.0, np.inf], "weight inf of crop 2"),
        ([-np.inf, 1.0, np.nan], "weight -inf of crop 0, one of 2"),
        ([1.0, -0.5, 1.0], "weight -0.5 of crop 1"),
    ],
)
def test_weights_that_are_none_are_refused(weights: list[float], message: str) -> None:
    with pytest.raises(TrainingDataError, match=message):
        TrainingData(CROPS, LABELS, np.array(weights)).check()


def test_weights_are_floating_point_numbers() -> None:
    with pytest.raises(TrainingDataError, match="sampling weights object"):
        TrainingData(CROPS, LABELS, np.array([1.0, None, 2.0])).check()
