import math
from collections.abc import Callable

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from tests.training.heads.cases import KINDS
from training.checkpoints.state import RowShard
from training.heads.config import ArcFaceConfig, CosFaceConfig, HeadConfig
from training.heads.head import MarginHead
from training.heads.shard import first_centres
from training.world import alone

DIM = 8
ZERO, ONE = torch.tensor(0.0), torch.tensor(1.0)


def _head(config: HeadConfig, num_classes: int = 20) -> MarginHead:
    return MarginHead(num_classes, DIM, config, alone("cpu"), seed=3)


def _update(head: MarginHead, found_inf: Tensor = ZERO) -> None:
    head.update(
        learning_rate=0.1,
        momentum=0.9,
        nesterov=False,
        weight_decay=5e-4,
        grad_scale=ONE,
        found_inf=found_inf,
    )


def _step(head: MarginHead, raw: Tensor, labels: Tensor, step: int = 0) -> Tensor:
    """Gradient by the embeddings."""
    raw = raw.clone().requires_grad_()
    head.begin_step(labels, step)
    head(raw, labels).loss_sum.backward()
    assert raw.grad is not None
    return raw.grad


ADVERSARIES: dict[str, Callable[[Tensor], Tensor]] = {
    "zero": torch.zeros_like,
    "tiny": lambda own: 1e-7 * own,
    "huge": lambda own: own.sign() * 6e4,
    "on the centre": lambda own: 30 * own,
    "opposite": lambda own: -30 * own,
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ADVERSARIES)
@pytest.mark.parametrize("config", KINDS, ids=lambda config: config.kind)
def test_finite_at_adversarial_embeddings(
    config: HeadConfig, name: str, dtype: torch.dtype
) -> None:
    head = _head(config.model_copy(update={"scale": 64.0}))
    labels = torch.arange(6)
    own = torch.nn.functional.normalize(head.weight[:6])
    grad = _step(head, ADVERSARIES[name](own).to(dtype), labels)
    assert grad.dtype == dtype
    assert torch.isfinite(grad).all()
    assert torch.isfinite(head.grad_square_sum())
    _update(head)
    assert all(torch.isfinite(buffer).all() for buffer in head.buffers())


def test_greatest_bfloat16_is_a_direction_like_any_other() -> None:
    head, labels = _head(ArcFaceConfig()), torch.tensor([4])
    huge = torch.full((1, DIM), 3e38, dtype=torch.bfloat16)
    head.begin_step(labels, 0)
    found = head(huge, labels).loss_sum
    torch.testing.assert_close(found, head(torch.ones(1, DIM), labels).loss_sum)


def test_autocast_does_not_reach_the_head() -> None:
    raw, labels = torch.randn(4, DIM), torch.tensor([0, 1, 2, 3])
    plain, mixed = _head(ArcFaceConfig()), _head(ArcFaceConfig())
    expected = _step(plain, raw, labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = _step(mixed, raw, labels)
    assert torch.equal(found, expected)
    assert torch.equal(mixed.grad_square_sum(), plain.grad_square_sum())


def test_no_share_of_the_margin_is_plain_softmax() -> None:
    raw, labels = torch.randn(4, DIM), torch.tensor([0, 1, 2, 3])
    losses = []
    for config in KINDS:
        head = _head(config)
        head.begin_step(labels, 0)
        losses.append(head(raw, labels, margin_share=0.0).loss_sum)
        assert head(raw, labels, margin_share=1.0).loss_sum > losses[-1]
    for loss in losses[1:]:
        torch.testing.assert_close(loss, losses[0])


def test_output_counts_what_it_says() -> None:
    head = _head(ArcFaceConfig())
    labels = torch.tensor([0, 1, 2])
    raw = head.weight[torch.tensor([0, 1, 5])]
    head.begin_step(labels, 0)
    output = head(raw, labels)
    assert (output.num_correct.item(), output.num_samples) == (2, 3)
    wrong = torch.cosine_similarity(head.weight[5], head.weight[2], dim=0).item()
    assert output.own_cosine_sum.item() == pytest.approx(2 + wrong, abs=1e-5)


@pytest.mark.parametrize("sample_rate", [1.0, 0.2])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_step_that_is_not_finite_changes_nothing(sample_rate: float, bad: float) -> None:
    for config in KINDS:
        head = _head(config.model_copy(update={"sample_rate": sample_rate}), 200)
        labels = torch.tensor([0, 150])
        _step(head, torch.randn(2, DIM), labels)
        _update(head)
        before = {name: values.clone() for name, values in head.state_dict().items()}
        _step(head, torch.full((2, DIM), bad), labels, step=1)
        assert not torch.isfinite(head.grad_square_sum())
        _update(head, found_inf=ONE)
        torch.testing.assert_close(head.state_dict(), before, rtol=0, atol=0)


def test_rows_that_are_not_drawn_stay_as_they_are() -> None:
    head = _head(CosFaceConfig(sample_rate=0.1), 500)
    head.velocity.normal_()
    weight, velocity = head.weight.clone(), head.velocity.clone()
    _step(head, torch.randn(3, DIM), torch.tensor([0, 250, 499]))
    _update(head)
    moved = (head.weight != weight).any(1)
    assert torch.equal((head.velocity != velocity).any(1), moved)
    assert moved[[0, 250, 499]].all()
    assert 20 < moved.sum() < 100


def test_head_has_nothing_an_optimiser_could_take() -> None:
    assert list(_head(ArcFaceConfig()).parameters()) == []


def test_state_is_loaded_in_place() -> None:
    for config in KINDS:
        trained, fresh = _head(config), _head(config)
        _step(trained, torch.randn(3, DIM), torch.tensor([0, 1, 2]))
        _update(trained)
        for name, entry in fresh.state().items():
            source = trained.state()[name]
            for into, values in zip(_tensors(entry), _tensors(source), strict=True):
                into.copy_(values)
        torch.testing.assert_close(fresh.state_dict(), trained.state_dict(), rtol=0, atol=0)


def _tensors(entry: Tensor | RowShard) -> list[Tensor]:
    return [entry.tensor if isinstance(entry, RowShard) else entry]


def test_first_centres_are_the_same_in_any_cut() -> None:
    whole = first_centres(0, 10_000, 3, seed=4)
    cut = [first_centres(first, 2500, 3, seed=4) for first in range(0, 10_000, 2500)]
    assert torch.equal(torch.cat(cut), whole)
    assert torch.equal(first_centres(4095, 2, 3, seed=4), whole[4095:4097])
    assert whole.std().item() == pytest.approx(0.01, rel=0.02)
    assert len(set(whole[:, 0].tolist())) > 0.99 * len(whole)
    assert not torch.equal(first_centres(0, 10, 3, seed=5), whole[:10])


def test_forward_needs_a_step() -> None:
    with pytest.raises(RuntimeError, match="begin_step"):
        _head(ArcFaceConfig())(torch.randn(1, DIM), torch.tensor([0]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "arcface", "scale": 0},
        {"kind": "arcface", "margin_rad": 2},
        {"kind": "arcface", "margin": 0.4},
        {"kind": "cosface", "sample_rate": 0},
        {"kind": "cosface", "sub_centres": 0},
        {"kind": "sphereface"},
        {"scale": 64},
    ],
)
def test_config_refuses_nonsense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(HeadConfig).validate_python(wrong)


@pytest.mark.parametrize("config", KINDS, ids=lambda config: config.kind)
def test_config_is_read_by_its_kind(config: HeadConfig) -> None:
    adapter: TypeAdapter[HeadConfig] = TypeAdapter(HeadConfig)
    assert adapter.validate_python(config.model_dump()) == config


def test_nothing_is_added_to_a_gradient_that_was_taken() -> None:
    head, labels = _head(ArcFaceConfig()), torch.tensor([0])
    _step(head, torch.randn(1, DIM), labels)
    taken = head.grad_square_sum()
    assert torch.equal(head.grad_square_sum(), taken)
    with pytest.raises(RuntimeError, match="taken already"):
        head(torch.randn(1, DIM), labels)
