"""When checkpoints of a run are written, and how many are kept."""

from pydantic import BaseModel, ConfigDict, Field


class CheckpointsConfig(BaseModel):
    """Checkpoints of a run that can be gone on with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every_minutes: float | None = Field(default=10.0, gt=0)
    """Minutes of work that a crash may cost; None saves by steps only."""
    every_steps: int | None = Field(default=None, ge=1)
    """Also at steps that are multiples of this."""
    keep_last: int = Field(default=2, ge=1)
    """The newest so many are kept, older ones deleted; two, in case the newest gets damaged."""
    keep_every_epochs: int | None = Field(default=None, ge=1)
    """Those at the end of each so many epochs are kept for good."""
    skip_damaged: bool = False
    """Whether a run goes on from the newest checkpoint that is whole, with a warning, where the
    newest of all is damaged. Otherwise it stops and says so."""
    leave_free_gb: float = Field(default=1.0, ge=0)
    """Disk space, in GB of 10^9 bytes, that a checkpoint must leave to others."""
    timeout_minutes: float = Field(default=30.0, gt=0)
    """A process that has written nothing for so long is taken for dead."""

    def keeps_epoch(self, num_epochs: int) -> bool:
        """Whether the checkpoint after this many epochs is kept for good."""
        return self.keep_every_epochs is not None and num_epochs % self.keep_every_epochs == 0
