"""What a margin does to the cosine of a crop with its own class centre.

Pure functions from cosines (n,) to cosines (n,). In each the gradient passes through the margin, as
the formula has it. The released arcface_torch computes ArcFace's under `no_grad` and so takes
d/dcos for 1, where it truly is sin(theta + m) / sin(theta), up to some hundreds at small angles;
there the length of d cos/d embedding, sin(theta), makes up for it.

Cosines nearer to +-1 than 1e-6 are taken for that: float32 has no digits left there, and the slope
would be noise. Their gradient is 0, which it is for the embedding in any case. Half precision goes
in, float32 comes out.
"""

import math
from typing import Final

import torch
from torch import Tensor

_MAX_COSINE: Final = 1 - 1e-6
_LEAST_ANGLE_RAD: Final = 1e-3
"""AdaFace keeps angles as far from 0 and pi."""


def angular_margin(cosines: Tensor, margin_rad: float) -> Tensor:
    """ArcFace (Deng et al. 2019): cos(theta + margin).

    Beyond theta = pi - margin, cos(theta + margin) would rise again; there it goes on as
    cos(theta) + cos(margin) - 1. The first released ArcFace code has cos(theta) - margin *
    sin(margin) there, which jumps at the seam. Ours meets it and keeps falling, so that a worse
    angle is never rewarded.
    """
    cosines = _precise(cosines)
    inside = cosines.clamp(-_MAX_COSINE, _MAX_COSINE)
    sine = torch.sqrt(1 - inside * inside)
    moved = inside * math.cos(margin_rad) - sine * math.sin(margin_rad)
    beyond = cosines + math.cos(margin_rad) - 1
    return torch.where(cosines > -math.cos(margin_rad), moved, beyond)


def cosine_margin(cosines: Tensor, margin: float) -> Tensor:
    """CosFace (Wang et al. 2018): cos(theta) - margin; d/dcos is 1."""
    return _precise(cosines) - margin


def combined_margin(
    cosines: Tensor, multiplier: float, margin_rad: float, margin_cosine: float
) -> Tensor:
    """All three (Deng et al. 2019, equation 4): cos(m1 theta + m2) - m3, for m1 >= 1.

    Where m1 theta + m2 passes pi, at theta_0, the formula would rise again; there it goes on as
    cos(theta) - cos(theta_0) - 1 - m3, which is `angular_margin`'s way for m1 = 1.
    """
    cosines = _precise(cosines)
    angles = torch.acos(cosines.clamp(-_MAX_COSINE, _MAX_COSINE))
    moved = torch.cos(multiplier * angles + margin_rad)
    seam = math.cos((math.pi - margin_rad) / multiplier)
    return torch.where(cosines > seam, moved, cosines - seam - 1) - margin_cosine


def adaptive_margin(cosines: Tensor, quality: Tensor, margin: float) -> Tensor:
    """AdaFace (Kim et al. 2022): cos(theta - m q) - (m + m q), for qualities q (n,) in [-1, 1].

    q = -1 is ArcFace, q = 0 CosFace, and q = 1 pulls hardest on the crops that are hardest to
    place. As published, theta - m q is kept within [1e-3, pi - 1e-3]: outside, the gradient of the
    own class is 0. As in the released code the gradient passes through the angle; none reaches q.
    """
    cosines = _precise(cosines)
    angles = torch.acos(cosines.clamp(-_MAX_COSINE, _MAX_COSINE))
    moved = (angles - margin * quality).clamp(_LEAST_ANGLE_RAD, math.pi - _LEAST_ANGLE_RAD)
    return torch.cos(moved) - margin * (1 + quality)


def _precise(cosines: Tensor) -> Tensor:
    return cosines.to(torch.promote_types(cosines.dtype, torch.float32))
