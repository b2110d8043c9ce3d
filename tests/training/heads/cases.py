"""Runs of a head on any number of processes, and of the dense one, over the same numbers."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tests.training.heads.dense import SGD, DenseHead
from training.heads.config import (
    AdaFaceConfig,
    ArcFaceConfig,
    CombinedConfig,
    CosFaceConfig,
    HeadConfig,
)
from training.heads.head import MarginHead
from training.heads.sampling import draw_classes
from training.heads.shard import first_centres, shard_of
from training.world import World, alone

DIM = 6
BATCH = 16
ACCUMULATION = 2
STEPS = 3
RATE = 0.05
SEED = 11
GRAD_SCALE = 8.0

ADAFACE = AdaFaceConfig(scale=16, average_rate=0.3)
KINDS: list[HeadConfig] = [
    ArcFaceConfig(scale=16),
    CosFaceConfig(scale=16),
    CombinedConfig(scale=16, multiplier=1.1, margin_rad=0.2),
    ADAFACE,
]


@dataclass(frozen=True)
class Case:
    config: HeadConfig
    num_classes: int
    margin_share: float = 1.0
    dtype: torch.dtype = torch.float64


def _with(config: HeadConfig, **changes: float) -> HeadConfig:
    return config.model_copy(update=changes)


CASES = {
    **{f"{c.kind}, 10 classes": Case(c, 10) for c in KINDS},
    **{f"{c.kind}, 3 sub-centres": Case(_with(c, sub_centres=3), 10) for c in KINDS},
    "fewer classes than processes": Case(ArcFaceConfig(), 3),
    "float32": Case(ArcFaceConfig(scale=16), 10, dtype=torch.float32),
    "half of the margin": Case(CombinedConfig(multiplier=1.1), 10, margin_share=0.5),
    "filtered": Case(_with(CosFaceConfig(), filter_above_cosine=0.3), 10),
    "sampled": Case(_with(ADAFACE, sample_rate=0.3), 150),
    "sampled, 3 sub-centres": Case(_with(KINDS[1], sample_rate=0.1, sub_centres=3), 150),
    "sampled, few classes": Case(_with(KINDS[0], sample_rate=0.4), 3),
}


@dataclass(frozen=True)
class Step:
    """What came of one step: the whole of it, or a process's share of rows."""

    loss_sum: Tensor
    num_correct: Tensor
    embedding_gradient: Tensor
    grad_square_sum: Tensor
    weight: Tensor
    velocity: Tensor


def batch(case: Case, step: int) -> tuple[Tensor, Tensor]:
    """Embeddings (BATCH, DIM), of lengths about 20, and labels (BATCH,) of a step."""
    generator = torch.Generator().manual_seed(step)
    lengths = 30 * torch.rand(BATCH, 1, generator=generator) + 5
    raw = torch.nn.functional.normalize(torch.randn(BATCH, DIM, generator=generator)) * lengths
    return raw.to(case.dtype), torch.randint(case.num_classes, (BATCH,), generator=generator)


def active_classes(case: Case, labels: Tensor, step: int) -> Tensor:
    """(classes,) bool: those that take part, as one process draws them."""
    if case.config.sample_rate == 1:
        return torch.ones(case.num_classes, dtype=torch.bool)
    shard = shard_of(case.num_classes, alone("cpu"))
    draw = draw_classes(labels, shard, case.config.sample_rate, SEED, step)
    return torch.zeros(case.num_classes, dtype=torch.bool).index_fill_(
        0, draw.classes[draw.is_active], value=True
    )


def run_cases(world: World) -> dict[str, list[Step]]:
    return {name: _run(world, case) for name, case in CASES.items()}


def _run(world: World, case: Case) -> list[Step]:
    head = MarginHead(case.num_classes, DIM, case.config, world, SEED).to(case.dtype)
    return [_step(head, case, step, world) for step in range(STEPS)]


def _step(head: MarginHead, case: Case, step: int, world: World) -> Step:
    raw, labels = batch(case, step)
    head.begin_step(labels, step)
    group = BATCH // ACCUMULATION
    outputs, gradients = [], []
    for start in range(0, BATCH, group):
        own = raw[start : start + group].chunk(world.size)[world.rank].clone().requires_grad_()
        outputs.append(head(own, labels[start : start + group], case.margin_share))
        (outputs[-1].loss_sum / BATCH * GRAD_SCALE).backward()
        assert own.grad is not None
        gradients.append(own.grad)
    squares = head.grad_square_sum().clone()
    head.update(
        learning_rate=RATE,
        grad_scale=torch.tensor(GRAD_SCALE),
        found_inf=torch.tensor(0.0),
        **SGD,  # type: ignore[arg-type]
    )
    return Step(
        loss_sum=torch.stack([output.loss_sum.detach() for output in outputs]).sum(),
        num_correct=torch.stack([output.num_correct for output in outputs]).sum(),
        embedding_gradient=torch.stack(gradients) / GRAD_SCALE,
        grad_square_sum=squares / GRAD_SCALE**2,
        weight=head.weight.clone(),
        velocity=head.velocity.clone(),
    )


def joined(shares: list[Step]) -> Step:
    """The step of all processes together."""
    first = shares[0]
    return Step(
        loss_sum=first.loss_sum,
        num_correct=first.num_correct,
        embedding_gradient=torch.cat([s.embedding_gradient for s in shares], 1).flatten(0, 1),
        grad_square_sum=torch.stack([s.grad_square_sum for s in shares]).sum(),
        weight=torch.cat([s.weight for s in shares]),
        velocity=torch.cat([s.velocity for s in shares]),
    )


def run_dense(case: Case) -> list[Step]:
    num_sub = case.config.sub_centres
    rows = first_centres(0, case.num_classes * num_sub, DIM, SEED).to(case.dtype)
    head = DenseHead(rows.view(-1, num_sub, DIM), case.config, RATE)
    return [_dense_step(head, case, step) for step in range(STEPS)]


def _dense_step(head: DenseHead, case: Case, step: int) -> Step:
    raw, labels = batch(case, step)
    raw.requires_grad_()
    active = active_classes(case, labels, step)
    loss_sum = head.loss_sum(raw, labels, case.margin_share, active)
    (loss_sum / BATCH).backward()  # type: ignore[no-untyped-call]
    assert raw.grad is not None
    assert head.weight.grad is not None
    squares = head.weight.grad.square().sum()
    num_correct = _num_correct(head, raw.detach(), labels, active)
    head.step(raw.detach(), active)
    return Step(
        loss_sum=loss_sum.detach(),
        num_correct=num_correct,
        embedding_gradient=raw.grad,
        grad_square_sum=squares,
        weight=head.weight.detach().flatten(0, 1).clone(),
        velocity=head.optimiser.state[head.weight]["momentum_buffer"].flatten(0, 1).clone(),
    )


def _num_correct(head: DenseHead, raw: Tensor, labels: Tensor, active: Tensor) -> Tensor:
    centres = torch.nn.functional.normalize(head.weight.detach(), dim=2)
    cosines = torch.einsum("nd,ckd->nck", raw, centres).amax(2).masked_fill(~active, -torch.inf)
    return (cosines.argmax(1) == labels).sum()
