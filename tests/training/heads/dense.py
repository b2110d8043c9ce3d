"""The same losses the plain way: the whole matrix, torch's cross-entropy, torch's SGD."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from training.heads.config import (
    AdaFaceConfig,
    ArcFaceConfig,
    CombinedConfig,
    CosFaceConfig,
    HeadConfig,
)

SGD = {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-2}


class DenseHead:
    """Class centres (classes, sub-centres, dim), all in one place and trained by autograd."""

    def __init__(self, weight: Tensor, config: HeadConfig, learning_rate: float) -> None:
        self.weight = weight.clone().requires_grad_()
        self.config = config
        self.optimiser = torch.optim.SGD([self.weight], learning_rate, **SGD)  # type: ignore[arg-type]
        self.norm_mean, self.norm_std = 20.0, 100.0

    def loss_sum(self, raw: Tensor, labels: Tensor, share: float, active: Tensor) -> Tensor:
        unit, centres = functional.normalize(raw), functional.normalize(self.weight, dim=2)
        cosines = torch.einsum("nd,ckd->nck", unit, centres).amax(2)
        own = functional.one_hot(labels, len(self.weight)).bool()
        moved = self._moved(cosines, raw.detach().norm(dim=1, keepdim=True), share)
        dropped = ~active.expand_as(own)
        if self.config.filter_above_cosine is not None:
            dropped = dropped | (cosines > self.config.filter_above_cosine)
        others = cosines.masked_fill(dropped, -torch.inf)
        logits = self.config.scale * torch.where(own, moved, others)
        return functional.cross_entropy(logits, labels, reduction="sum")

    def _moved(self, cosines: Tensor, norms: Tensor, share: float) -> Tensor:
        theta, config = torch.arccos(cosines), self.config
        match config:
            case ArcFaceConfig():
                margin = share * config.margin_rad
                beyond = cosines + math.cos(margin) - 1
                return torch.where(theta + margin < torch.pi, torch.cos(theta + margin), beyond)
            case CosFaceConfig():
                return cosines - share * config.margin
            case CombinedConfig():
                angle = (1 + share * (config.multiplier - 1)) * theta + share * config.margin_rad
                return torch.cos(angle) - share * config.margin_cosine
            case AdaFaceConfig():
                spread = (norms - self.norm_mean) / (self.norm_std + 1e-3)
                quality = (config.concentration * spread).clip(-1, 1)
                margin = share * config.margin
                angle = (theta - margin * quality).clip(1e-3, torch.pi - 1e-3)
                return torch.cos(angle) - (margin + margin * quality)

    def step(self, raw: Tensor, active: Tensor) -> None:
        """SGD on the active rows only; then the statistics of the norms."""
        momentum = self.optimiser.state[self.weight].get("momentum_buffer")
        before = self.weight.detach().clone()
        old = torch.zeros_like(before) if momentum is None else momentum.clone()
        self.optimiser.step()
        still = ~active
        self.weight.data[still] = before[still]
        self.optimiser.state[self.weight]["momentum_buffer"][still] = old[still]
        self.optimiser.zero_grad()
        if isinstance(self.config, AdaFaceConfig):
            norms, rate = raw.norm(dim=1), self.config.average_rate
            self.norm_mean += rate * (norms.mean().item() - self.norm_mean)
            self.norm_std += rate * (norms.std().item() - self.norm_std)
