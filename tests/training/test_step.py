"""A step is the same mathematics however its batch is cut, and whoever takes part in it."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.training.conftest import ToySet
from tests.training.processes import run_processes
from training.augmentation.augment import AugmentConfig
from training.config import TrainConfig
from training.diagnosis import diagnose
from training.heads.config import CosFaceConfig
from training.heads.head import MarginHead
from training.loading.batches import StepBatch
from training.loading.crop_sources import PackedCrops
from training.loading.order import SampleOrder
from training.loading.plan import StepPlan
from training.loading.step_loader import Loader, LoaderConfig
from training.network.iresnet import IResNet
from training.step import StepSettings, StepValues, TrainingStep
from training.stopwatch import stopwatch
from training.world import World, alone

SETTINGS = StepSettings(learning_rate=0.05, margin_share=1.0)
PLAIN = AugmentConfig(flip_share=0)
NUM_PEOPLE = 8


@pytest.fixture
def config(tiny_run: TrainConfig) -> TrainConfig:
    """Sixteen crops a step in groups of four, in float32, not augmented, CosFace."""
    return tiny_run.model_copy(
        update={
            "amp": "off",
            "batch_size": 16,
            "micro_batch_size": 4,
            "grad_clip_norm": 2.0,
            "augmentation": PLAIN,
            "head": CosFaceConfig(scale=16, margin=0.2),
        }
    )


def _model(config: TrainConfig) -> IResNet:
    torch.manual_seed(5)
    return IResNet(config.network)


def _batches(config: TrainConfig, toy: ToySet, world: World, count: int) -> list[StepBatch]:
    order = SampleOrder(np.arange(len(toy.labels)), len(toy.labels), None, config.seed)
    plan = StepPlan(len(order), config.batch_size, config.micro_batch_size, world.size)
    source = PackedCrops(toy.crops_rgb_u8)
    loader = Loader(source, toy.labels, order, plan, world, config.augmentation, LoaderConfig())
    with loader:
        return list(loader.steps(0, count))


def _steps(
    world: World, config: TrainConfig, toy: ToySet, count: int
) -> tuple[dict[str, Tensor], list[list[float]]]:
    """Weights after some steps, and the four values of each."""
    torch.set_num_threads(1)
    step = TrainingStep(config, _model(config), NUM_PEOPLE, world, stopwatch(world.device))
    found = [step.run(batch, SETTINGS) for batch in _batches(config, toy, world, count)]
    step.statistics.release(count)
    centres = {"centres": world.gather(step.head.weight.detach())}
    return {**step.model.state_dict(), **centres}, [_numbers(values) for values in found]


def _numbers(values: StepValues) -> list[float]:
    four = (values.loss, values.accuracy, values.feature_norm, values.grad_norm)
    return [float(value) for value in four]


def _reference(
    config: TrainConfig, toy: ToySet, count: int
) -> tuple[dict[str, Tensor], list[float]]:
    """The same in plain torch: groups of four through the network, one dense softmax over all."""
    model = _model(config).train()
    dim = config.network.embedding_dim
    head = MarginHead(NUM_PEOPLE, dim, config.head, alone("cpu"), config.seed)
    centres = nn.Parameter(head.weight.clone())
    decayed = [p for p in (*model.parameters(), centres) if p.requires_grad and p.ndim > 1]
    free = [p for p in model.parameters() if p.requires_grad and p.ndim == 1]
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": free},
    ]
    optimiser = torch.optim.SGD(groups, lr=SETTINGS.learning_rate, momentum=config.momentum)
    losses = []
    for batch in _batches(config, toy, alone("cpu"), count):
        embeddings = torch.cat([model(m.crops) for m in batch.micro])
        cosines = functional.normalize(embeddings) @ functional.normalize(centres).T
        margins = 0.2 * functional.one_hot(batch.labels, NUM_PEOPLE)
        loss = functional.cross_entropy(16 * (cosines - margins), batch.labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        nn.utils.clip_grad_norm_([*decayed, *free], config.grad_clip_norm)
        optimiser.step()
        losses.append(float(loss.detach()))
    return {**model.state_dict(), "centres": centres.detach()}, losses


def _learned(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """All but running statistics, which plain torch moves at every group."""
    return {k: v for k, v in weights.items() if "running" not in k and "num_batches" not in k}


def test_accumulated_is_the_large_batch_of_plain_torch(
    config: TrainConfig, toy_crowd: ToySet
) -> None:
    plain = config.model_copy(update={"nesterov": False})
    ours, values = _steps(alone("cpu"), plain, toy_crowd, 3)
    theirs, losses = _reference(plain, toy_crowd, 3)
    assert [row[0] for row in values] == pytest.approx(losses, rel=1e-5)
    for name, expected in _learned(theirs).items():
        torch.testing.assert_close(ours[name], expected, rtol=1e-4, atol=1e-5)


def test_any_number_of_processes_takes_the_same_step(
    config: TrainConfig, toy_crowd: ToySet
) -> None:
    single, values = _steps(alone("cpu"), config, toy_crowd, 2)
    for size in (2, 4):
        for weights, found in run_processes(size, _steps, config, toy_crowd, 2):
            for row, expected in zip(found, values, strict=True):
                assert row == pytest.approx(expected, rel=1e-4)
            for name, expected_weights in single.items():
                torch.testing.assert_close(weights[name], expected_weights, rtol=1e-4, atol=1e-5)


def _broken(
    config: TrainConfig, toy: ToySet, **changes: Any
) -> tuple[TrainingStep, list[StepBatch]]:
    changed = config.model_copy(update=changes)
    step = TrainingStep(
        changed, _model(changed), NUM_PEOPLE, alone("cpu"), stopwatch(torch.device("cpu"))
    )
    return step, _batches(changed, toy, alone("cpu"), 3)


def _state(step: TrainingStep) -> list[Tensor]:
    momenta = [step.optimiser.state[p]["momentum_buffer"] for p in step.parameters]
    own = [step.head.weight, step.statistics.average]
    return [value.detach().clone() for value in (*step.parameters, *momenta, *own)]


def test_a_weight_that_is_not_finite_changes_nothing_and_is_named(
    config: TrainConfig, toy_crowd: ToySet
) -> None:
    step, batches = _broken(config, toy_crowd)
    step.run(batches[0], SETTINGS)
    with torch.no_grad():
        step.model.layer3[0].conv2.weight[0, 0, 0, 0] = float("nan")  # type: ignore[union-attr,operator]
    before = _state(step)
    for batch in batches[1:]:
        assert not step.run(batch, SETTINGS).is_healthy
    for value, expected in zip(_state(step), before, strict=True):
        torch.testing.assert_close(value, expected, rtol=0, atol=0, equal_nan=True)
    assert "layer3.0.conv2.weight" in diagnose(step, batches[1], SETTINGS)


def test_a_layer_that_overflows_is_named(config: TrainConfig, toy_crowd: ToySet) -> None:
    step, batches = _broken(config, toy_crowd)
    with torch.no_grad():
        step.model.fc.weight.fill_(3e38)
    assert not step.run(batches[0], SETTINGS).is_healthy
    assert "output of fc is not finite" in diagnose(step, batches[0], SETTINGS)


def test_one_bad_step_stops_all_that_follow(config: TrainConfig, toy_crowd: ToySet) -> None:
    step, batches = _broken(config, toy_crowd)
    good = step.model.bn2.bias.detach().clone()
    with torch.no_grad():
        step.model.bn2.bias.fill_(float("inf"))
    assert not step.run(batches[0], SETTINGS).is_healthy
    with torch.no_grad():
        step.model.bn2.bias.copy_(good)
    before = _state(step)
    assert not step.run(batches[1], SETTINGS).is_healthy
    assert all(torch.equal(a, b) for a, b in zip(_state(step), before, strict=True))


def test_float16_leaves_out_a_step_and_goes_on(config: TrainConfig, toy_crowd: ToySet) -> None:
    step, batches = _broken(config, toy_crowd, amp="fp16")
    step.loss_scale.value.fill_(2.0**126)  # any gradient overflows at first
    before = _state(step)
    first = step.run(batches[0], SETTINGS)
    assert first.is_healthy
    assert not torch.isfinite(first.grad_norm)
    assert all(torch.equal(a, b) for a, b in zip(_state(step)[:-1], before[:-1], strict=True))
    step.loss_scale.value.fill_(2.0**8)
    second = step.run(batches[1], SETTINGS)
    assert torch.isfinite(second.grad_norm)
    assert not torch.equal(step.head.weight, before[-2])


def test_float16_and_float32_take_nearly_the_same_step(
    config: TrainConfig, toy_crowd: ToySet
) -> None:
    wide, (batch, *_) = _broken(config, toy_crowd)
    narrow, _ = _broken(config, toy_crowd, amp="fp16")
    narrow.loss_scale.value.fill_(64.0)
    expected, found = (_numbers(step.run(batch, SETTINGS)) for step in (wide, narrow))
    assert found == pytest.approx(expected, rel=0.02)
    assert found != expected
