"""Whether it is time for the next checkpoint."""

from training.checkpoints.config import CheckpointsConfig


class SaveClock:
    """Knows when the last checkpoint was taken.

    Steps are the same on every process, so `is_due_by_steps` needs no agreement. Clocks are not:
    `is_due_by_time` is only the wish of the process that asks, and the others must be told of the
    main one's at a step where all look up together.
    """

    def __init__(self, config: CheckpointsConfig, now_s: float) -> None:
        self._config = config
        self._saved_s = now_s

    def is_due_by_steps(self, step: int) -> bool:
        """Whether a checkpoint belongs after this many steps."""
        every = self._config.every_steps
        return every is not None and step % every == 0

    def is_due_by_time(self, now_s: float) -> bool:
        """Whether the last checkpoint is as old as may be."""
        every = self._config.every_minutes
        return every is not None and now_s - self._saved_s >= 60 * every

    def saved(self, now_s: float) -> None:
        """A checkpoint was taken now, for whatever reason."""
        self._saved_s = now_s
