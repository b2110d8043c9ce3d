"""Where a step went wrong: the first thing in it that is not finite.

A step whose loss or gradient is not finite changes nothing, nor does any after it (see
`training/step.py`). So the step can be taken again, slowly, with an eye on every layer.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from training.loading.batches import StepBatch
from training.step import StepSettings, TrainingStep


def diagnose(step: TrainingStep, batch: StepBatch, settings: StepSettings) -> str:
    """Take a step again; returns what is not finite first: weights, a layer's output, a gradient.

    All processes call it together, for a step that nothing has moved on from.
    """
    for name, values in (*step.model.named_parameters(), *step.head.named_buffers()):
        if not _is_finite(values):
            return f"the weights {name} are not finite"
    found: list[str] = []
    with _watched(step.model, found):
        step.run(batch, settings)
    if found:
        return f"the output of {found[0]} is not finite, though its weights are"
    # Backward pass: the last layers come first.
    for name, parameter in reversed(list(step.model.named_parameters())):
        if parameter.grad is not None and not _is_finite(parameter.grad):
            return f"the gradient of {name} is not finite, though its output is"
    return "the gradient of the head is not finite, though the network's outputs are"


@contextmanager
def _watched(model: nn.Module, found: list[str]) -> Iterator[None]:
    """Note the names of layers whose output is not finite, in the order of the forward pass."""

    def look(name: str) -> object:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            if not _is_finite(output):
                found.append(name)

        return hook

    leaves = [(name, layer) for name, layer in model.named_modules() if not [*layer.children()]]
    handles = [layer.register_forward_hook(look(name)) for name, layer in leaves]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _is_finite(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all())
