from typing import Any

import numpy as np
import pytest
import torch

from training.config import TrainConfig
from training.embedding import embed_crops
from training.errors import TrainingDataError, TrainingDivergedError
from training.meter import EpochMetrics, Meter, StepValues
from training.trainer import TrainResult, train

Toy = Any
"""The data set of conftest.py: `crops_rgb_u8` and `labels`."""


def _train(config: TrainConfig, toy: Toy) -> TrainResult:
    return train(config, toy.crops_rgb_u8, toy.labels, lambda _metrics: None)


def _weights(result: TrainResult) -> dict[str, torch.Tensor]:
    return {**result.model.state_dict(), "centres": result.head.weight.detach()}


def test_learns_two_people(tiny_run: TrainConfig, toy_set: Toy) -> None:
    seen: list[EpochMetrics] = []
    result = train(tiny_run, toy_set.crops_rgb_u8, toy_set.labels, seen.append)
    assert tuple(seen) == result.history
    assert [metrics.epoch for metrics in seen] == [1, 2, 3, 4]
    assert seen[-1].loss < 0.5 * seen[0].loss
    assert seen[-1].accuracy > 0.95
    embeddings = embed_crops(result.model, toy_set.crops_rgb_u8)
    scores = embeddings @ embeddings.T
    same = toy_set.labels[:, None] == toy_set.labels[None, :]
    assert scores[same].min() > scores[~same].max()


def test_metrics_are_what_they_say(tiny_run: TrainConfig, toy_set: Toy) -> None:
    history = _train(tiny_run, toy_set).history
    for metrics in history:
        assert 0 <= metrics.accuracy <= 1
        assert metrics.samples_per_s > 0
        assert metrics.feature_norm > 0
        assert metrics.grad_norm > 0
        assert metrics.validation_auc is None
    assert history[-1].learning_rate < 0.1 * tiny_run.learning_rate


def test_equal_runs_give_equal_weights(tiny_run: TrainConfig, toy_set: Toy) -> None:
    first = _weights(_train(tiny_run, toy_set))
    torch.manual_seed(99)
    again = _weights(_train(tiny_run, toy_set))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_another_seed_gives_other_weights(tiny_run: TrainConfig, toy_set: Toy) -> None:
    short = tiny_run.model_copy(update={"epochs": 1})
    first = _weights(_train(short, toy_set))
    other = _weights(_train(short.model_copy(update={"seed": 6}), toy_set))
    assert not torch.equal(first["fc.weight"], other["fc.weight"])


def test_mixed_precision_stays_close(tiny_run: TrainConfig, toy_set: Toy) -> None:
    """In one step, before any update: over more of them a rounding grows without bound."""
    one_step = tiny_run.model_copy(update={"epochs": 1, "batch_size": 10_000})
    mixed = _train(one_step, toy_set).history[0]
    plain = _train(one_step.model_copy(update={"amp": "off"}), toy_set).history[0]
    assert mixed.loss != plain.loss
    assert mixed.loss == pytest.approx(plain.loss, rel=0.03)
    assert mixed.feature_norm == pytest.approx(plain.feature_norm, rel=0.03)


def test_state_of_torch_is_put_back(tiny_run: TrainConfig, toy_set: Toy) -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    _train(tiny_run.model_copy(update={"epochs": 1}), toy_set)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_people_set_aside_are_validated_on(tiny_run: TrainConfig, toy_crowd: Toy) -> None:
    config = tiny_run.model_copy(
        update={"validation_share": 0.25, "epochs": 3, "validation_every_epochs": 2}
    )
    result = _train(config, toy_crowd)
    assert len(result.class_labels) == 6
    assert result.head.weight.shape == (6, 16)
    aucs = [metrics.validation_auc for metrics in result.history]
    assert aucs[0] is None
    assert aucs[1] is not None
    assert aucs[2] is not None
    assert aucs[2] > 0.8


def test_crops_with_label_minus_one_have_no_part(tiny_run: TrainConfig, toy_crowd: Toy) -> None:
    short = tiny_run.model_copy(update={"epochs": 1})
    labels = np.where(toy_crowd.labels >= 5, -1, toy_crowd.labels)
    noise = toy_crowd.crops_rgb_u8.copy()
    noise[labels < 0] = 0
    kept = train(short, toy_crowd.crops_rgb_u8, labels, lambda _metrics: None)
    same = train(short, noise, labels, lambda _metrics: None)
    assert kept.class_labels.tolist() == [0, 1, 2, 3, 4]
    first, second = _weights(kept), _weights(same)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_error_of_the_listener_ends_the_run(tiny_run: TrainConfig, toy_set: Toy) -> None:
    def refuse(_metrics: EpochMetrics) -> None:
        raise RuntimeError("no more room")

    with pytest.raises(RuntimeError, match="no more room"):
        train(tiny_run, toy_set.crops_rgb_u8, toy_set.labels, refuse)


def test_loss_that_explodes_is_named(tiny_run: TrainConfig, toy_set: Toy) -> None:
    wild = tiny_run.model_copy(
        update={"learning_rate": 1e38, "grad_clip_norm": 1e38, "warmup_epochs": 0.0, "amp": "off"}
    )
    with pytest.raises(TrainingDivergedError, match=r"epoch \d+, step \d+.*learning rate"):
        _train(wild, toy_set)


def test_meter_names_the_step_that_diverged() -> None:
    meter, fine = Meter(3), torch.tensor(1.0)
    meter.add(StepValues(fine, fine, fine, fine))
    meter.add(StepValues(torch.tensor(float("nan")), fine, fine, fine))
    with pytest.raises(TrainingDivergedError, match="epoch 3, step 2: loss nan"):
        meter.means()


def test_meter_gives_means() -> None:
    meter = Meter(1)
    for value in (1.0, 3.0):
        one = torch.tensor(value)
        meter.add(StepValues(one, one / 4, one * 2, one * 3))
    means = meter.means()
    found = (means.loss, means.accuracy, means.feature_norm, means.grad_norm)
    assert found == (2.0, 0.5, 4.0, 6.0)


def test_data_that_cannot_be_trained_on_is_refused(tiny_run: TrainConfig, toy_set: Toy) -> None:
    crops, labels = toy_set.crops_rgb_u8, toy_set.labels
    wrong = {
        "47 crops": (crops[:-1], labels),
        "float64": (crops, labels.astype(np.float64)),
        "-2": (crops, labels - 2),
        "at least 2": (crops, np.zeros_like(labels)),
        "uint8": (crops.astype(np.float32), labels),
        "0 people": (crops[:0], labels[:0]),
    }
    for message, (bad_crops, bad_labels) in wrong.items():
        with pytest.raises(TrainingDataError, match=message):
            train(tiny_run, bad_crops, bad_labels, lambda _metrics: None)


def test_gpu_that_is_not_there_is_refused(
    tiny_run: TrainConfig, toy_set: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingDataError, match="cuda"):
        _train(tiny_run.model_copy(update={"device": "cuda"}), toy_set)
