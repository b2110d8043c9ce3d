"""From a head's config to the margin it applies."""

import torch
from torch import Tensor, nn

from training.heads import margins
from training.heads.config import (
    AdaFaceConfig,
    ArcFaceConfig,
    CombinedConfig,
    CosFaceConfig,
    HeadConfig,
)
from training.heads.quality import NormQuality


class MarginRule(nn.Module):
    """The margin of one kind of head, with what it remembers of earlier steps."""

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self._config = config
        self.quality: NormQuality | None = None
        if isinstance(config, AdaFaceConfig):
            self.quality = NormQuality(config.concentration, config.average_rate)

    def begin_step(self) -> None:
        """Start to note what the step is like."""
        if self.quality is not None:
            self.quality.begin_step()

    def end_step(self, found_inf: Tensor) -> None:
        """Remember what the step was like, unless `found_inf`."""
        if self.quality is not None:
            self.quality.end_step(found_inf)

    def with_slopes(self, cosines: Tensor, norms: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """Margined cosines (n,) of own cosines (n,) and raw norms (n,), and d margined/d cosine.

        `share` in [0, 1] says how much of the margin is there, during its warm-up.
        """
        quality = torch.zeros_like(norms) if self.quality is None else self.quality(norms)
        with torch.enable_grad():
            cosines = cosines.detach().requires_grad_()
            moved = self._moved(cosines, quality, share)
            (slopes,) = torch.autograd.grad(moved.sum(), cosines)
        return moved.detach(), slopes

    def _moved(self, cosines: Tensor, quality: Tensor, share: float) -> Tensor:
        match self._config:
            case ArcFaceConfig() as config:
                return margins.angular_margin(cosines, share * config.margin_rad)
            case CosFaceConfig() as config:
                return margins.cosine_margin(cosines, share * config.margin)
            case CombinedConfig() as config:
                multiplier = 1 + share * (config.multiplier - 1)
                angle_rad, cosine = share * config.margin_rad, share * config.margin_cosine
                return margins.combined_margin(cosines, multiplier, angle_rad, cosine)
            case AdaFaceConfig() as config:
                return margins.adaptive_margin(cosines, quality, share * config.margin)
