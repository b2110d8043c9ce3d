import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.training.conftest import ToySet
from tests.training.processes import run_processes
from training.errors import TrainingDataError
from training.loading.crop_sources import PackedCrops
from training.network.iresnet import IResNet, IResNetConfig
from training.validation import Separation, ValidationConfig, divide, separation, validate
from training.world import World, alone

NETWORK = IResNetConfig(depths=(1, 1, 1, 1), widths=(4, 4, 8, 8), embedding_dim=16)


def _division(share: float, **settings: int) -> ValidationConfig:
    return ValidationConfig(share=share, **settings)


def test_people_are_set_aside_whole() -> None:
    labels = np.repeat(np.arange(-1, 9), 3)
    found = divide(labels, _division(0.3), seed=1)
    watched, trained = set(labels[found.validation_rows]), set(labels[found.train_rows])
    assert len(watched) == 3
    assert len(trained) == 6
    assert not watched & trained
    assert -1 not in watched | trained
    assert len(found.validation_rows) == 9
    assert np.array_equal(
        found.class_labels[found.train_labels[found.train_rows]], labels[found.train_rows]
    )
    assert (np.delete(found.train_labels, found.train_rows) == -1).all()


def test_as_many_are_watched_as_fit_and_each_with_all_crops() -> None:
    labels = np.repeat(np.arange(20), 5)
    found = divide(labels, _division(0.5, max_crops=23), seed=1)
    people, counts = np.unique(labels[found.validation_rows], return_counts=True)
    assert len(people) == 4
    assert (counts == 5).all()
    assert len(found.class_labels) == 10


def test_fewer_than_two_people_left_is_refused() -> None:
    with pytest.raises(TrainingDataError, match="1 people to train on, 2 set aside"):
        divide(np.repeat(np.arange(3), 2), _division(0.6), seed=0)


@given(st.data())
def test_auc_and_tar_are_those_of_the_single_scores(data: st.DataObject) -> None:
    bins = st.lists(st.integers(0, 63), min_size=1, max_size=60)
    genuine, impostor = (np.array(data.draw(bins)) for _ in range(2))
    found = separation(_counts(genuine), _counts(impostor))
    higher = (genuine[:, None] > impostor[None, :]).mean()
    tied = (genuine[:, None] == impostor[None, :]).mean()
    assert found.auc == pytest.approx(higher + tied / 2)
    # With so few impostors none may pass, so genuine pairs must be above the best of them.
    assert found.tar == pytest.approx((genuine > impostor.max()).mean())


def _counts(bins: NDArray[np.int64]) -> torch.Tensor:
    return torch.bincount(torch.from_numpy(bins), minlength=64)


def test_nothing_to_tell_apart_is_no_number() -> None:
    none, some = torch.zeros(4), torch.ones(4)
    assert separation(none, some) == separation(some, none) == Separation(None, None)


def _validate(world: World, crops: NDArray[np.uint8], labels: NDArray[np.int64]) -> Separation:
    torch.manual_seed(3)
    model = IResNet(NETWORK)
    found = validate(model, PackedCrops(crops), labels, np.arange(1, 31), world, "off")
    assert model.training
    return found


def test_any_number_of_processes_finds_the_same(toy_crowd: ToySet) -> None:
    arguments = (toy_crowd.crops_rgb_u8, toy_crowd.labels)
    single = _validate(alone("cpu"), *arguments)
    assert single.auc is not None
    for found in run_processes(4, _validate, *arguments):
        assert found == single
