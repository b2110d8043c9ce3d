"""`examgate sweep-batch`: throughput and memory of training by batch size and precision.

Every trial runs in a process of its own, so that what one has allocated, compiled or broken is
nothing to the next, and one that runs out of memory is a row that says so.
"""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import SweepError
from pipelines.sweep_trial import TrialOutcome, TrialRequest
from training.config import TrainConfig
from training.network.iresnet import PUBLISHED_DEPTHS, IResNetConfig
from training.trial import Trial

_TIE_SHARE: Final = 0.02
"""Speeds that differ by less are the same: medians of few steps are no better than that."""


class SweepOptions(BaseModel):
    """What is swept over, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_sizes: tuple[int, ...] = Field(min_length=1)
    """Crops of one process at once."""
    precisions: tuple[str, ...] = Field(min_length=1)
    """Values of `train.amp`."""
    compiled: tuple[bool, ...] = (False,)
    """Values of `train.compile`."""
    network: str = "params"
    """`params`, or the name of a published iResNet."""
    num_classes: int = Field(ge=2)
    """People in the head."""
    num_steps: int = Field(ge=1)
    """Steps that are timed in each trial."""
    num_warmup_steps: int = Field(ge=1)
    """Steps before them."""
    memory_share: float = Field(gt=0, le=1)
    """Share of the memory that the best may take; the rest is for what a sweep does not see."""
    memory_limit_bytes: int | None = Field(default=None, ge=1)
    """Memory that a trial may take at all; None: what there is."""


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One trial and what came of it."""

    batch_size: int
    precision: str
    compiled: bool
    outcome: TrialOutcome

    def memory_share(self, limit_bytes: int | None) -> float | None:
        """Share of the memory there is, or of the limit, at the fullest moment."""
        result = self.outcome.result
        if result is None:
            return None
        return result.peak_memory_bytes / (limit_bytes or result.total_memory_bytes)


def options_of(**values: object) -> SweepOptions:
    """Check options; raises `SweepError` that names each one that cannot be."""
    try:
        return SweepOptions.model_validate(values)
    except ValidationError as error:
        raise SweepError(_readable(error)) from error


def trials(config: TrainConfig, options: SweepOptions) -> list[Trial]:
    """Every combination of the options; raises `SweepError` for one that cannot be."""
    swept = config.model_copy(update={"network": _network(config.network, options.network)})
    try:
        return [
            Trial(
                config=_changed(swept, batch_size, precision, compiled),
                num_classes=options.num_classes,
                num_steps=options.num_steps,
                num_warmup_steps=options.num_warmup_steps,
            )
            for precision, compiled, batch_size in product(
                options.precisions, options.compiled, options.batch_sizes
            )
        ]
    except ValidationError as error:
        raise SweepError(_readable(error)) from error


def run_sweep(
    planned: Sequence[Trial],
    memory_limit_bytes: int | None,
    on_row: Callable[[SweepRow], None],
) -> list[SweepRow]:
    """Run trials one after the other. Raises `SweepError` where none of them ran to its end."""
    rows = []
    for trial in planned:
        outcome = _in_own_process(TrialRequest(trial=trial, memory_limit_bytes=memory_limit_bytes))
        config = trial.config
        rows.append(SweepRow(config.batch_size, config.amp, config.compile, outcome))
        on_row(rows[-1])
    if not any(row.outcome.status == "ok" for row in rows):
        raise SweepError(
            f"none of {len(rows)} trials ran to its end; the last: {rows[-1].outcome.message}"
        )
    return rows


def best(rows: Sequence[SweepRow], memory_share: float, limit_bytes: int | None) -> SweepRow | None:
    """The fastest that leaves memory free; of those as fast within 2 %, the smallest batch.

    None where all of them take more than `memory_share`.
    """
    speeds = dict(_fitting(rows, memory_share, limit_bytes))
    if not speeds:
        return None
    as_fast = [k for k, speed in speeds.items() if speed >= (1 - _TIE_SHARE) * max(speeds.values())]
    return rows[min(as_fast, key=lambda k: (rows[k].batch_size, -speeds[k]))]


def _fitting(
    rows: Sequence[SweepRow], memory_share: float, limit_bytes: int | None
) -> Iterator[tuple[int, float]]:
    for index, row in enumerate(rows):
        share = row.memory_share(limit_bytes)
        if row.outcome.result is not None and share is not None and share <= memory_share:
            yield index, row.outcome.result.images_per_s


def _readable(error: ValidationError) -> str:
    """What is wrong with which option, in one line."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}, got {problem['input']!r}"
        for problem in error.errors()
    )


def _network(of_params: IResNetConfig, name: str) -> IResNetConfig:
    if name == "params":
        return of_params
    if name not in PUBLISHED_DEPTHS:
        raise SweepError(f"network {name}: give params or one of {', '.join(PUBLISHED_DEPTHS)}")
    return IResNetConfig(depths=PUBLISHED_DEPTHS[name])


def _changed(config: TrainConfig, batch_size: int, precision: str, compiled: bool) -> TrainConfig:
    """The config of a trial, checked anew; a batch is one micro-batch."""
    changes = {
        "batch_size": batch_size,
        "micro_batch_size": None,
        "amp": precision,
        "compile": compiled,
    }
    return TrainConfig.model_validate(config.model_dump() | changes)


def _in_own_process(request: TrialRequest) -> TrialOutcome:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "outcome.json"
        ended = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "pipelines.sweep_trial", str(path)],
            input=request.model_dump_json(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if path.exists():
            return TrialOutcome.model_validate_json(path.read_text(encoding="utf-8"))
    return _without_outcome(ended.returncode, ended.stderr)


def _without_outcome(status: int, errors: str) -> TrialOutcome:
    """A process that could not even say how it went."""
    if status == -signal.SIGKILL:
        message = "killed, as the system does where memory runs out"
        return TrialOutcome(status="out of memory", message=message)
    if status < 0:
        return TrialOutcome(status="failed", message=f"ended by {signal.Signals(-status).name}")
    last = errors.strip().splitlines()[-1:] or [f"ended with status {status}"]
    return TrialOutcome(status="failed", message=last[0])
