"""ArcFace: a softmax over angles in which the own class must win by a margin (Deng et al. 2019).

With unit vectors x (the embedding) and w_j (the centre of class j), cos(theta_j) = x . w_j. The
logit of the true class y is s * cos(theta_y + m), that of every other class s * cos(theta_j).
"""

import math
from typing import Final

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

_MAX_COSINE: Final = 1 - 1e-6
"""Nearer to 1 the sine has no float32 digits left, and its slope would be noise."""


class ArcFaceConfig(BaseModel):
    """Scale and margin of the loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: float = Field(default=64.0, gt=0)
    """s: how sharp the softmax is. 64 suits many thousands of people, 16 to 32 a few hundred."""
    margin_rad: float = Field(default=0.5, ge=0, lt=math.pi / 2)
    """m: the angle by which the own class must win."""
    margin_warmup_epochs: float = Field(default=0.0, ge=0)
    """Epochs in which the margin grows from 0 to its value, in a straight line."""


def add_margin(cosines: Tensor, labels: Tensor, margin_rad: float) -> Tensor:
    """Turn cos(theta) of each row's own class into cos(theta + margin); leave the others.

    Takes cosines (n, classes) and labels (n,). Beyond theta = pi - margin, cos(theta + margin)
    would rise again; there it goes on as cos(theta) + cos(margin) - 1. The first released ArcFace
    code has cos(theta) - margin * sin(margin) there, which jumps at the seam. Ours meets it and
    keeps falling, so that a worse angle is never rewarded. The gradient passes through the margin.
    """
    own = cosines.gather(1, labels[:, None])
    inside = own.clamp(-_MAX_COSINE, _MAX_COSINE)
    sine = torch.sqrt(1 - inside * inside)
    moved = inside * math.cos(margin_rad) - sine * math.sin(margin_rad)
    beyond = own + math.cos(margin_rad) - 1
    own = torch.where(own > -math.cos(margin_rad), moved, beyond)
    return cosines.scatter(1, labels[:, None], own)


class ArcFaceHead(nn.Module):
    """The class centres, and what the loss is made of."""

    def __init__(self, num_classes: int, embedding_dim: int, config: ArcFaceConfig) -> None:
        super().__init__()
        self.config = config
        self.weight = nn.Parameter(torch.empty(num_classes, embedding_dim))
        nn.init.normal_(self.weight, 0, 0.01)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Cosines (n, classes) of raw embeddings (n, dim) with every class centre, in float32.

        Float64 stays float64. No autocast in here: bf16 knows no angle below about 7 degrees.
        """
        with torch.autocast(embeddings.device.type, enabled=False):
            if embeddings.dtype != torch.float64:
                embeddings = embeddings.float()
            centres = functional.normalize(self.weight.to(embeddings.dtype))
            return functional.linear(functional.normalize(embeddings), centres)

    def loss(self, cosines: Tensor, labels: Tensor, margin_share: float = 1.0) -> Tensor:
        """Mean cross-entropy of cosines (n, classes), for labels (n,) and a share of the margin."""
        margin_rad = self.config.margin_rad * margin_share
        logits = self.config.scale * add_margin(cosines, labels, margin_rad)
        return functional.cross_entropy(logits, labels)
