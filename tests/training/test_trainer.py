from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.conftest import ToySet
from training.config import TrainConfig
from training.errors import TrainingDataError, TrainingDivergedError
from training.heads.config import ArcFaceConfig
from training.loading.crop_sources import PackedCrops
from training.loading.training_data import TrainingData
from training.meter import EpochMetrics
from training.network.embedding import embed_crops
from training.step_metrics import StepMetrics
from training.trainer import TrainResult, train
from training.validation import ValidationConfig
from training.world import alone


class Notes:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.steps: list[StepMetrics] = []
        self.epochs: list[EpochMetrics] = []

    def on_steps(self, metrics: StepMetrics) -> None:
        self.steps.append(metrics)

    def on_epoch(self, metrics: EpochMetrics) -> None:
        self.epochs.append(metrics)


def _data(toy: ToySet) -> TrainingData:
    return TrainingData(PackedCrops(toy.crops_rgb_u8), toy.labels)


def _train(config: TrainConfig, toy: ToySet, notes: Notes | None = None) -> TrainResult:
    return train(config, _data(toy), alone("cpu"), notes or Notes())


def _with(config: TrainConfig, **changes: Any) -> TrainConfig:
    return config.model_copy(update=changes)


def _weights(result: TrainResult) -> dict[str, torch.Tensor]:
    return {**result.model.state_dict(), "centres": result.head.weight}


def test_learns_two_people(tiny_run: TrainConfig, toy_set: ToySet) -> None:
    notes = Notes()
    result = _train(tiny_run, toy_set, notes)
    assert tuple(notes.epochs) == result.history
    assert [metrics.epoch for metrics in notes.epochs] == [1, 2, 3, 4]
    assert notes.epochs[-1].loss < 0.5 * notes.epochs[0].loss
    assert notes.epochs[-1].accuracy > 0.95
    embeddings = embed_crops(result.model, toy_set.crops_rgb_u8)
    scores = embeddings @ embeddings.T
    same = toy_set.labels[:, None] == toy_set.labels[None, :]
    assert scores[same].min() > scores[~same].max()


def test_metrics_are_what_they_say(tiny_run: TrainConfig, toy_set: ToySet) -> None:
    notes = Notes()
    result = _train(_with(tiny_run, log_every_steps=4), toy_set, notes)
    for metrics in result.history:
        assert 0 <= metrics.accuracy <= 1
        assert min(metrics.samples_per_s, metrics.feature_norm, metrics.grad_norm) > 0
        assert 0 <= metrics.data_wait_share <= 1
        assert metrics.train_s > 0
        assert metrics.mfu is None  # nobody knows the peak of a CPU by its name
        assert metrics.skipped_steps == 0
        assert metrics.validation_auc is None
    assert result.history[-1].learning_rate < 0.1 * tiny_run.learning_rate
    assert result.num_steps == 24
    assert [metrics.step for metrics in notes.steps] == [4, 8, 12, 16, 20, 24]
    assert notes.steps[2].epoch == pytest.approx(2.0)
    losses = [metrics.loss for metrics in notes.steps]
    assert np.mean(losses) == pytest.approx(np.mean([m.loss for m in result.history]))


def test_equal_runs_give_equal_weights(tiny_run: TrainConfig, toy_set: ToySet) -> None:
    first = _weights(_train(tiny_run, toy_set))
    torch.manual_seed(99)
    other = _with(tiny_run, loader=tiny_run.loader.model_copy(update={"decode_threads": 3}))
    again = _weights(_train(other, toy_set))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_another_seed_gives_other_weights(tiny_run: TrainConfig, toy_set: ToySet) -> None:
    short = _with(tiny_run, epochs=1)
    first = _weights(_train(short, toy_set))
    other = _weights(_train(_with(short, seed=6), toy_set))
    assert not torch.equal(first["fc.weight"], other["fc.weight"])


def test_mixed_precision_stays_close(tiny_run: TrainConfig, toy_set: ToySet) -> None:
    """In one step, before any update: over more of them a rounding grows without bound."""
    one_step = _with(tiny_run, epochs=1, batch_size=10_000)
    mixed = _train(one_step, toy_set).history[0]
    plain = _train(_with(one_step, amp="off"), toy_set).history[0]
    assert mixed.loss != plain.loss
    assert mixed.loss == pytest.approx(plain.loss, rel=0.03)
    assert mixed.feature_norm == pytest.approx(plain.feature_norm, rel=0.03)


def test_state_of_torch_is_put_back(tiny_run: TrainConfig, toy_set: ToySet) -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    _train(_with(tiny_run, epochs=1, deterministic=True), toy_set)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.are_deterministic_algorithms_enabled()


def test_people_set_aside_are_validated_on(tiny_run: TrainConfig, toy_crowd: ToySet) -> None:
    validation = ValidationConfig(share=0.25, every_epochs=2)
    result = _train(_with(tiny_run, validation=validation, epochs=3), toy_crowd)
    assert len(result.class_labels) == 6
    assert result.head.weight.shape == (6, 16)
    aucs = [metrics.validation_auc for metrics in result.history]
    assert aucs[0] is None
    assert aucs[1] is not None
    assert aucs[2] is not None
    assert aucs[2] > 0.8
    assert result.history[2].validation_tar is not None


def test_ends_early_where_the_auc_rises_no_more(tiny_run: TrainConfig, toy_crowd: ToySet) -> None:
    """Two people set aside whom the first epoch tells apart already: no epoch can do better."""
    validation = ValidationConfig(share=0.25, early_stop_epochs=2)
    result = _train(_with(tiny_run, validation=validation, epochs=40), toy_crowd)
    aucs = [metrics.validation_auc or 0.0 for metrics in result.history]
    assert len(aucs) < 40
    assert len(aucs) - 1 - int(np.argmax(aucs)) == 2


def test_ends_after_as_many_steps_as_asked(tiny_run: TrainConfig, toy_set: ToySet) -> None:
    notes = Notes()
    result = train(tiny_run, _data(toy_set), alone("cpu"), notes, stop_after_steps=2)
    assert result.num_steps == 2
    assert result.history == ()
    assert [metrics.step for metrics in notes.steps] == [2]


def test_crops_with_label_minus_one_have_no_part(tiny_run: TrainConfig, toy_crowd: ToySet) -> None:
    short = _with(tiny_run, epochs=1)
    labels = np.where(toy_crowd.labels >= 5, -1, toy_crowd.labels)
    noise = toy_crowd.crops_rgb_u8.copy()
    noise[labels < 0] = 0
    kept = _train(short, replace(toy_crowd, labels=labels))
    same = _train(short, ToySet(noise, labels))
    assert kept.class_labels.tolist() == [0, 1, 2, 3, 4]
    first, second = _weights(kept), _weights(same)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_error_of_the_listener_ends_the_run(tiny_run: TrainConfig, toy_set: ToySet) -> None:
    class Refuses(Notes):
        def on_epoch(self, _metrics: EpochMetrics) -> None:
            raise RuntimeError("no more room")

    with pytest.raises(RuntimeError, match="no more room"):
        _train(tiny_run, toy_set, Refuses())


def test_loss_that_explodes_is_named(tiny_run: TrainConfig, toy_set: ToySet) -> None:
    wild = _with(tiny_run, learning_rate=1e38, grad_clip_norm=1e38, warmup_epochs=0.0, amp="off")
    with pytest.raises(TrainingDivergedError, match=r"epoch 1, step \d+: .*not finite.*learning"):
        _train(wild, toy_set)


def test_margin_warms_up(tiny_run: TrainConfig, toy_set: ToySet) -> None:
    head = ArcFaceConfig(scale=16, margin_rad=0.2, margin_warmup_epochs=2)
    notes = Notes()
    _train(_with(tiny_run, head=head, log_every_steps=6, epochs=3), toy_set, notes)
    assert [m.margin_share for m in notes.steps] == pytest.approx([5 / 12, 11 / 12, 1.0])


def test_data_that_cannot_be_trained_on_is_refused(tiny_run: TrainConfig, toy_set: ToySet) -> None:
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
            _train(tiny_run, ToySet(bad_crops, bad_labels))  # type: ignore[arg-type]  # on purpose


def test_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingDataError, match="cuda"):
        alone("cuda")
