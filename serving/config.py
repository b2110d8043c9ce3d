"""What an operator may choose. Nothing here can change a decision: thresholds are the bundle's."""

from pydantic import BaseModel, ConfigDict, Field

from data.images import ImageLimits
from serving.cpus import usable_cores


class ServerConfig(BaseModel):
    """Settings of one server process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Address to listen on; loopback unless the operator says otherwise."""
    port: int = Field(default=8080, ge=0, le=65535)
    """0 takes any free port."""
    operating_point: str | None = None
    """Name of one of the bundle's operating points, as in `fmr_1e-3`; None takes its default."""
    image_limits: ImageLimits = ImageLimits()
    """How large one photo may be."""
    concurrency: int | None = Field(default=None, ge=1, le=256)
    """Comparisons computed at once; None takes as many as there are cores to use."""
    max_waiting: int = Field(default=32, ge=0, le=10_000)
    """Comparisons that may wait for their turn; one more is answered with 503."""
    threads: int | None = Field(default=None, ge=1, le=256)
    """Threads of one network run; None takes half the cores, for there are two photos."""
    detector_threads: int = Field(default=1, ge=1, le=256)
    """The same for the detector. One is fastest for VGA photos and leaves cores to other calls."""
    body_timeout_s: float = Field(default=15.0, gt=0)
    """How long a client may take to send its photos."""
    retry_after_s: int = Field(default=1, ge=1)
    """What a refused client is told to wait."""
    self_test_interval_s: float = Field(default=10.0, ge=0)
    """How long `/readyz` trusts the last self-test."""
    shutdown_timeout_s: int = Field(default=10, ge=1)
    """How long a stopping server waits for the requests it has taken in."""

    @property
    def max_body_bytes(self) -> int:
        """Two photos, and room for the headers of the form around them."""
        return 2 * self.image_limits.max_bytes + 64 * 1024

    @property
    def comparisons_at_once(self) -> int:
        """`concurrency`, or what stands for None."""
        return self.concurrency or usable_cores()

    @property
    def threads_of_a_run(self) -> int:
        """`threads`, or what stands for None."""
        return self.threads or max(1, usable_cores() // 2)
