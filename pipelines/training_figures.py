"""The course of a training run as one picture for its MLflow run."""

from collections.abc import Callable, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.step_metrics import StepMetrics

_SIZE_INCHES: Final = (9.6, 7.2)
_Pick = Callable[[StepMetrics], float | None]


def draw_curves(steps: Sequence[StepMetrics]) -> Figure:
    """Draw loss, rates, gradient and speed over the epochs; takes at least one row."""
    if not steps:
        raise ValueError("no step was recorded")
    figure = Figure(_SIZE_INCHES, layout="constrained")
    (loss, rates), (gradient, speed) = figure.subplots(2, 2, sharex=True)
    _loss(loss, steps)
    _rates(rates, steps)
    _gradient(gradient, steps)
    _speed(speed, steps)
    for axes in (loss, rates, gradient, speed):
        axes.grid(alpha=0.3)
    return figure


def _loss(axes: Axes, steps: Sequence[StepMetrics]) -> None:
    _line(axes, steps, lambda row: row.loss, "loss")
    axes.set(ylabel="cross-entropy with the margin")
    share = _second(axes, "own centre the nearest")
    _line(share, steps, lambda row: row.accuracy, "accuracy", "C1")


def _rates(axes: Axes, steps: Sequence[StepMetrics]) -> None:
    _line(axes, steps, lambda row: row.learning_rate, "learning rate")
    axes.set(ylabel="learning rate", ylim=(0, None))
    share = _second(axes, "share of the margin")
    _line(share, steps, lambda row: row.margin_share, "margin", "C1")


def _gradient(axes: Axes, steps: Sequence[StepMetrics]) -> None:
    _line(axes, steps, lambda row: row.grad_norm, "norm before clipping")
    axes.set(xlabel="epoch", ylabel="norm of the gradient", ylim=(0, None))
    share = _second(axes, "steps clipped")
    _line(share, steps, lambda row: row.clipped_share, "clipped", "C1")


def _speed(axes: Axes, steps: Sequence[StepMetrics]) -> None:
    _line(axes, steps, lambda row: row.samples_per_s, "crops/s")
    axes.set(xlabel="epoch", ylabel="crops/s", ylim=(0, None))
    share = _second(axes, "share")
    _line(share, steps, lambda row: row.times.data_wait_share, "data wait", "C1")
    _line(share, steps, lambda row: row.mfu, "MFU", "C2")
    share.legend(loc="lower right", fontsize="small")


def _second(axes: Axes, label: str) -> Axes:
    """A scale of shares on the right, in the colour of its line."""
    right = axes.twinx()
    right.set(ylim=(0, 1.05))
    right.set_ylabel(label, color="C1")
    return right


def _line(
    axes: Axes, steps: Sequence[StepMetrics], pick: _Pick, label: str, colour: str = "C0"
) -> None:
    known = [(row.epoch, value) for row in steps if (value := pick(row)) is not None]
    if known:
        epochs, values = zip(*known, strict=True)
        axes.plot(epochs, values, color=colour, label=label, marker="." if len(known) < 2 else None)
