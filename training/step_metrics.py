"""What is recorded every few steps, beside the rows of whole epochs."""

from dataclasses import dataclass

from training.throughput import StepTimes


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """One row of the curves. Means are over the steps since the row before."""

    step: int
    """Optimiser steps done, over all epochs and resumptions."""
    epoch: float
    """Epochs done, with their fraction."""
    loss: float
    """Mean cross-entropy with the margin."""
    accuracy: float
    """Share of crops whose own class centre is the nearest, without the margin."""
    learning_rate: float
    """Of the last step."""
    margin_share: float
    """Share of the margin in force at the last step: grows to 1 in the margin's warm-up."""
    grad_norm: float
    """Mean length of the gradient before clipping, over everything that is trained."""
    clipped_share: float
    """Share of the steps whose gradient was clipped."""
    feature_norm: float
    """Mean length of the raw embeddings."""
    loss_scale: float | None
    """Of fp16 at the last step; None without."""
    skipped_steps: int
    """Steps since the row before that fp16 left out because a gradient was not finite."""
    samples_per_s: float
    """Crops of all processes in a second."""
    times: StepTimes
    """Of this process, by part."""
    mfu: float | None
    """Share of the peak arithmetic of all devices; None where the peak is not known."""
    peak_memory_bytes: int
    """Most memory of this process's device so far."""
