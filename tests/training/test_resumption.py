"""A run that was interrupted is the run that was not: to the bit, and nearly so elsewhere."""

import os
import signal
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training.conftest import ToySet
from tests.training.processes import run_processes
from training.checkpoints.store import CheckpointStore
from training.config import TrainConfig
from training.errors import CheckpointError, TrainingInterruptedError
from training.heads.config import AdaFaceConfig
from training.loading.crop_sources import PackedCrops
from training.loading.training_data import TrainingData
from training.meter import EpochMetrics
from training.step_metrics import StepMetrics
from training.trainer import Resume, TrainResult, train
from training.validation import ValidationConfig
from training.world import World, alone

SPEED = {"samples_per_s", "data_wait_share", "mfu", "peak_memory_bytes", "train_s", "validation_s"}
Curves = list[dict[str, float]]


class SignalsItself:
    """Asks its own process to stop at a step, as `kill` would."""

    def __init__(self, at_step: int | None) -> None:
        self.at_step = at_step

    def on_steps(self, metrics: StepMetrics) -> None:
        if metrics.step == self.at_step:
            os.kill(os.getpid(), signal.SIGTERM)

    def on_epoch(self, _metrics: EpochMetrics) -> None:
        pass


@pytest.fixture
def config(tiny_run: TrainConfig) -> TrainConfig:
    """Two groups of four crops a step, six steps an epoch; dropout and moving margins as well."""
    network = tiny_run.network.model_copy(update={"dropout": 0.2})
    return tiny_run.model_copy(
        update={
            "epochs": 2,
            "batch_size": 8,
            "micro_batch_size": 4,
            "log_every_steps": 1,
            "network": network,
            "head": AdaFaceConfig(scale=16, margin=0.3),
            "validation": ValidationConfig(share=0),
        }
    )


def _run(
    world: World, config: TrainConfig, toy: ToySet, folder: Path, stop_at: int | None
) -> tuple[dict[str, Tensor], Curves] | None:
    data = TrainingData(PackedCrops(toy.crops_rgb_u8), toy.labels, None)
    store = CheckpointStore(folder, config.checkpoints, world, {"data": "toy"})
    try:
        result = train(config, data, world, SignalsItself(stop_at), Resume(store, {}))
    except TrainingInterruptedError:
        return None
    return _weights(result), _curves(result)


def _weights(result: TrainResult) -> dict[str, Tensor]:
    return {**result.model.state_dict(), "centres": result.head.weight.detach().clone()}


def _curves(result: TrainResult) -> Curves:
    rows = (asdict(metrics).items() for metrics in result.history)
    return [{k: v for k, v in row if k not in SPEED and v is not None} for row in rows]


def _equal(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("stop_at", [4, 6, 9], ids=["mid-epoch", "between epochs", "second epoch"])
def test_interrupted_and_resumed_is_uninterrupted_to_the_bit(
    config: TrainConfig, toy_set: ToySet, tmp_path: Path, stop_at: int
) -> None:
    whole = _run(alone("cpu"), config, toy_set, tmp_path / "whole", None)
    assert _run(alone("cpu"), config, toy_set, tmp_path / "cut", stop_at) is None
    torch.manual_seed(1234)  # whatever the process drew in between
    resumed = _run(alone("cpu"), config, toy_set, tmp_path / "cut", None)
    assert whole is not None
    assert resumed is not None
    assert _equal(whole[0], resumed[0])
    assert whole[1] == resumed[1]


def test_two_processes_resume_to_the_bit_as_well(
    config: TrainConfig, toy_set: ToySet, tmp_path: Path
) -> None:
    whole = run_processes(2, _run, config, toy_set, tmp_path / "whole", None)
    cut = run_processes(2, _run, config, toy_set, tmp_path / "cut", 4)
    assert cut == [None, None]
    resumed = run_processes(2, _run, config, toy_set, tmp_path / "cut", None)
    for first, second in zip(whole, resumed, strict=True):
        assert first is not None
        assert second is not None
        assert _equal(first[0], second[0])
        assert first[1] == second[1]


def test_processes_come_and_go_and_the_curve_stays(
    config: TrainConfig, toy_set: ToySet, tmp_path: Path
) -> None:
    """1, 2, 4 and again 1 process; only the order of sums differs, in float32."""
    # At a low rate, or this tiny network makes much of the last bit of a sum.
    changes = {"amp": "off", "batch_size": 16, "learning_rate": 0.01}
    elastic = config.model_copy(update=changes)
    whole = _run(alone("cpu"), elastic, toy_set, tmp_path / "whole", None)
    assert _run(alone("cpu"), elastic, toy_set, tmp_path / "cut", 1) is None
    for size, stop_at in ((2, 3), (4, 4)):
        stopped = run_processes(size, _run, elastic, toy_set, tmp_path / "cut", stop_at)
        assert stopped == [None] * size
    resumed = _run(alone("cpu"), elastic, toy_set, tmp_path / "cut", None)
    assert whole is not None
    assert resumed is not None
    for first, second in zip(whole[1], resumed[1], strict=True):
        assert first == pytest.approx(second, rel=0.01)
    for name, weights in whole[0].items():
        torch.testing.assert_close(resumed[0][name], weights, rtol=0.05, atol=0.01)


def test_checkpoints_of_every_second_epoch_are_kept(
    config: TrainConfig, toy_set: ToySet, tmp_path: Path
) -> None:
    policy = config.checkpoints.model_copy(
        update={"every_steps": 5, "keep_last": 1, "keep_every_epochs": 2}
    )
    longer = config.model_copy(update={"epochs": 5, "checkpoints": policy})
    assert _run(alone("cpu"), longer, toy_set, tmp_path, None) is not None
    steps = sorted(path.name for path in tmp_path.glob("step_*"))
    assert steps == ["step_000000012", "step_000000024", "step_000000030"]


def test_what_belongs_to_another_run_is_refused(
    config: TrainConfig, toy_set: ToySet, tmp_path: Path
) -> None:
    assert _run(alone("cpu"), config, toy_set, tmp_path, 2) is None
    with pytest.raises(CheckpointError, match="data"):
        CheckpointStore(tmp_path, config.checkpoints, alone("cpu"), {"data": "other"}).latest()
