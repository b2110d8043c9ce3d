"""Embeddings of all processes on each of them, and their gradients back."""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from training.world import World


def gathered(embeddings: Tensor, world: World) -> Tensor:
    """(m, dim) of each process to (W m, dim) on all, in order of rank.

    Backward, each process brings the gradient of its own part of the loss, and gets the sum over
    all processes for its own embeddings.
    """
    if world.size == 1:
        return embeddings
    out: Tensor = _Gather.apply(embeddings, world)  # type: ignore[no-untyped-call]  # torch's own
    return out


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, embeddings: Tensor, world: World) -> Tensor:
        ctx.world = world  # type: ignore[attr-defined]  # torch's way to remember
        return world.gather(embeddings)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, None]:
        world: World = ctx.world  # type: ignore[attr-defined]
        return world.scatter_sum(grad), None
