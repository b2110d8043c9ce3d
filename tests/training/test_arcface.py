import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torch.nn import functional

from training.arcface import ArcFaceConfig, ArcFaceHead, add_margin

MARGINS = [0.0, 0.2, 0.5]


def _head(margin_rad: float, classes: int = 5, dim: int = 8) -> ArcFaceHead:
    torch.manual_seed(0)
    return ArcFaceHead(classes, dim, ArcFaceConfig(scale=16, margin_rad=margin_rad)).double()


def _naive_loss(head: ArcFaceHead, embeddings: Tensor, labels: Tensor) -> Tensor:
    """The formula of the paper, through arccos."""
    cosines = functional.normalize(embeddings) @ functional.normalize(head.weight).T
    theta = torch.arccos(cosines)
    own = functional.one_hot(labels, cosines.shape[1]).bool()
    logits = torch.where(own, torch.cos(theta + head.config.margin_rad), cosines)
    return functional.cross_entropy(head.config.scale * logits, labels)


@pytest.mark.parametrize("margin_rad", MARGINS)
def test_loss_and_gradients_are_those_of_the_formula(margin_rad: float) -> None:
    head = _head(margin_rad)
    embeddings = torch.randn(6, 8, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    found = head.loss(head(embeddings), labels)
    expected = _naive_loss(head, embeddings, labels)
    torch.testing.assert_close(found, expected)
    inputs = (embeddings, head.weight)
    for mine, naive in zip(
        torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs), strict=True
    ):
        torch.testing.assert_close(mine, naive)


@pytest.mark.parametrize("margin_rad", MARGINS)
def test_gradient_agrees_with_finite_differences(margin_rad: float) -> None:
    head = _head(margin_rad)
    labels = torch.tensor([1, 4, 2])
    embeddings = torch.randn(3, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: head.loss(head(x), labels), (embeddings,))


def test_gradient_beyond_pi_agrees_with_finite_differences() -> None:
    cosines = torch.tensor([[-0.97, 0.3], [0.1, -0.99]], dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 1])
    assert torch.autograd.gradcheck(lambda c: add_margin(c, labels, 0.5), (cosines,))


@settings(max_examples=60, deadline=None)
@given(first=st.floats(-1, 1), second=st.floats(-1, 1), margin_rad=st.floats(0, 1.5))
def test_a_worse_angle_is_never_rewarded(first: float, second: float, margin_rad: float) -> None:
    low, high = sorted((first, second))
    cosines = torch.tensor([[low, 0.2], [high, 0.2]], dtype=torch.float64)
    moved = add_margin(cosines, torch.tensor([0, 0]), margin_rad)
    assert moved[0, 0] <= moved[1, 0] + 1e-9
    assert (moved[:, 0] <= cosines[:, 0] + 3e-3).all()
    assert torch.equal(moved[:, 1], cosines[:, 1])


def test_margin_is_continuous_where_the_branches_meet() -> None:
    seam = -math.cos(0.5)
    cosines = torch.tensor([[seam - 1e-9], [seam + 1e-9]], dtype=torch.float64)
    moved = add_margin(cosines, torch.tensor([0, 0]), 0.5)
    torch.testing.assert_close(moved[0], moved[1], atol=1e-6, rtol=0)


@pytest.mark.parametrize("cosine", [1.0, -1.0])
def test_gradient_is_finite_at_the_poles(cosine: float) -> None:
    cosines = torch.tensor([[cosine, 0.0]], requires_grad=True)
    moved = add_margin(cosines, torch.tensor([0]), 0.5).sum()
    (grad,) = torch.autograd.grad(moved, cosines)
    assert torch.isfinite(grad).all()


def test_embedding_on_its_centre_gives_finite_gradients() -> None:
    head = ArcFaceHead(3, 4, ArcFaceConfig(scale=64, margin_rad=0.5))
    embeddings = head.weight.detach()[:2].clone().requires_grad_()
    loss = head.loss(head(embeddings), torch.tensor([0, 1]))
    (grad,) = torch.autograd.grad(loss, embeddings)
    assert torch.isfinite(grad).all()


def test_margin_makes_the_loss_larger() -> None:
    embeddings, labels = torch.randn(6, 8, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 4, 0])
    losses = [_head(m).loss(_head(m)(embeddings), labels).item() for m in MARGINS]
    assert losses == sorted(losses)
    assert losses[0] < losses[-1]


def test_no_share_of_the_margin_is_plain_softmax() -> None:
    head, labels = _head(0.5), torch.tensor([1, 2])
    cosines = head(torch.randn(2, 8, dtype=torch.float64))
    plain = functional.cross_entropy(16 * cosines, labels)
    torch.testing.assert_close(head.loss(cosines, labels, margin_share=0.0), plain)


def test_cosines_are_float32_under_autocast_and_ignore_length() -> None:
    head = ArcFaceHead(5, 8, ArcFaceConfig())
    embeddings = torch.randn(4, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cosines = head(embeddings.bfloat16())
    assert cosines.dtype == torch.float32
    assert cosines.abs().max() <= 1 + 1e-6
    torch.testing.assert_close(head(embeddings), head(embeddings * 7))


@pytest.mark.parametrize("wrong", [{"scale": 0}, {"margin_rad": -0.1}, {"margin_rad": 2}, {"m": 1}])
def test_config_refuses_nonsense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        ArcFaceConfig.model_validate(wrong)
