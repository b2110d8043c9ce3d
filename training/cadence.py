"""When all processes look up from their steps together, and what they then agree on.

A process alone may look up whenever it likes. Several must do it at the same step: one that stops
or saves by itself leaves the others waiting.
"""

from dataclasses import dataclass
from typing import Final

import torch

from training.world import World

_LONGEST_STEPS: Final = 16
_PERIOD_S: Final = 2.0
"""About as long as a stop, or a loss that is not finite, may stay unnoticed."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What all processes do at this step."""

    stop: bool
    save: bool


class Cadence:
    """Counts the steps between two looks. The main process says how many, by its clock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._steps_left = 1

    def is_due(self) -> bool:
        """Count a step; whether it is one to look up after."""
        self._steps_left -= 1
        return self._steps_left <= 0

    def agree(self, *, stop: bool, save: bool, step_s: float) -> Agreement:
        """Stop where any process was asked to; save where the main one wants to."""
        interval = min(max(int(_PERIOD_S / max(step_s, 1e-6)), 1), _LONGEST_STEPS)
        told = torch.tensor([float(stop), 0.0, 0.0])
        if self._world.is_main:
            told[1:] = torch.tensor([float(save), float(interval)])
        any_stop, main_saves, steps = self._world.sum(told).tolist()
        self._steps_left = int(steps)
        return Agreement(stop=any_stop > 0, save=main_saves > 0)
