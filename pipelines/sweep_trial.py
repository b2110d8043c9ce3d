"""One trial of `examgate sweep-batch`, in a process of its own, which memory may kill.

python -m pipelines.sweep_trial OUTCOME < REQUEST
"""

import resource
import sys
from pathlib import Path
from typing import Final, Literal

import psutil
import torch
from pydantic import BaseModel, ConfigDict

from data.files import whole_file
from pipelines.hardware import device_name
from training.trial import Trial, TrialResult, run_trial
from training.world import alone

_SIGNS_OF_NO_MEMORY: Final = (
    "can't allocate memory",
    "out of memory",
    "bad_alloc",
    "alloc_failed",
    "allocation_failed",
)
"""In what torch, CUDA and cuDNN say: not all of it comes as an error type of its own."""


Status = Literal["ok", "out of memory", "failed"]


class TrialRequest(BaseModel):
    """What a process is asked to try."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial: Trial
    memory_limit_bytes: int | None
    """Memory it may take; None: on a CPU what is free now, on a GPU all there is."""


class TrialOutcome(BaseModel):
    """How it went."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    message: str = ""
    """Why not."""
    device: str = ""
    """Its name."""
    result: TrialResult | None = None
    """Figures; None unless ok."""


def main() -> None:
    """Read a request, try, write the outcome to the file that is named."""
    request = TrialRequest.model_validate_json(sys.stdin.read())
    outcome = attempt(request)
    with whole_file(Path(sys.argv[1])) as partial:
        partial.write_text(outcome.model_dump_json(), encoding="utf-8")


def attempt(request: TrialRequest) -> TrialOutcome:
    """Take the trial's steps within its memory, and say what came of it."""
    device = alone(request.trial.config.device).device
    name = device_name(device)
    limit_memory(device, request.memory_limit_bytes)
    try:
        result = run_trial(request.trial)
    except (MemoryError, RuntimeError) as error:
        status: Status = "out of memory" if _is_out_of_memory(error) else "failed"
        line = next(iter(str(error).splitlines()), type(error).__name__)
        return TrialOutcome(status=status, message=line, device=name)
    return TrialOutcome(status="ok", device=name, result=result)


def limit_memory(device: torch.device, limit_bytes: int | None) -> None:
    """Let an allocation fail beyond a limit, before the system kills somebody for it."""
    if device.type == "cuda":
        if limit_bytes is not None:
            whole = torch.cuda.get_device_properties(device).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, limit_bytes / whole), device)
        return
    # What is written to, and not the address space: torch reserves much more than it uses.
    limit = psutil.virtual_memory().available if limit_bytes is None else limit_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error).lower()
    return any(sign in said for sign in _SIGNS_OF_NO_MEMORY)


if __name__ == "__main__":
    main()
