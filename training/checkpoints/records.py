"""`state.json`: what a checkpoint says about itself."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from data.files import sha256_bytes
from training.checkpoints.state import PerRank, RowShard, Value, tensor_of
from training.errors import CheckpointError

STATE_FILE: Final = "state.json"
_FROZEN: Final = ConfigDict(frozen=True, extra="forbid")


class TensorRecord(BaseModel):
    """One name of a state."""

    model_config = _FROZEN

    kind: Literal["replicated", "rows", "per_rank"]
    dtype: str
    shape: tuple[int, ...]
    """Of the whole matrix where it is cut into rows, else of the tensor on each process."""
    cuts: tuple[int, ...] = ()
    """(processes + 1,): process r has the rows [cuts[r], cuts[r + 1]). Else empty."""

    @property
    def form(self) -> str:
        """All that must be the same on every process and at every world size, for people."""
        return f"{self.kind} {self.dtype} {list(self.shape)}"


class FileRecord(BaseModel):
    """One file of tensors."""

    model_config = _FROZEN

    sha256: str
    num_bytes: int


class CheckpointRecord(BaseModel):
    """The whole checkpoint."""

    model_config = _FROZEN

    format: Literal["examgate.checkpoint/1"] = "examgate.checkpoint/1"
    step: int = Field(ge=0)
    world_size: int = Field(ge=1)
    facts: dict[str, JsonValue]
    tensors: dict[str, TensorRecord]
    files: dict[str, FileRecord]


class RankPlan(BaseModel):
    """What one process is about to write."""

    model_config = _FROZEN

    step: int
    num_bytes: int
    tensors: dict[str, TensorRecord]


def rank_file(rank: int) -> str:
    """Name of the file that one process writes."""
    return f"rank_{rank:05d}.safetensors"


def record_of(value: Value) -> TensorRecord:
    """What this process holds under a name; its rows are the only cut."""
    tensor = tensor_of(value)
    dtype, shape = str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape)
    match value:
        case RowShard(first_row=first, num_rows=num_rows):
            cuts = (first, first + shape[0])
            return TensorRecord(kind="rows", dtype=dtype, shape=(num_rows, *shape[1:]), cuts=cuts)
        case PerRank():
            return TensorRecord(kind="per_rank", dtype=dtype, shape=shape)
        case _:
            return TensorRecord(kind="replicated", dtype=dtype, shape=shape)


def merge(plans: Sequence[RankPlan]) -> dict[str, TensorRecord]:
    """The records of the whole state from those of each process, in the order of ranks.

    Raises `CheckpointError` where steps, names or shapes differ, or rows are missing or held twice.
    """
    first = plans[0]
    for rank, plan in enumerate(plans):
        if plan.step != first.step:
            raise CheckpointError(f"process {rank} saves step {plan.step}, process 0 {first.step}")
        if odd := sorted(plan.tensors.keys() ^ first.tensors.keys()):
            raise CheckpointError(f"processes 0 and {rank} do not both have {odd[:5]} to save")
    return {name: _merged(name, [plan.tensors[name] for plan in plans]) for name in first.tensors}


def _merged(name: str, records: Sequence[TensorRecord]) -> TensorRecord:
    forms = {record.form for record in records}
    if len(forms) > 1:
        raise CheckpointError(f"{name}: not the same on all processes: {sorted(forms)}")
    if records[0].kind != "rows":
        return records[0]
    cuts = (0, *(record.cuts[1] for record in records))
    if [record.cuts[0] for record in records] != list(cuts[:-1]) or cuts[-1] != records[0].shape[0]:
        raise CheckpointError(
            f"{name}: the processes hold the rows {[list(record.cuts) for record in records]} of"
            f" {records[0].shape[0]}; each must follow on the one before"
        )
    return records[0].model_copy(update={"cuts": cuts})


def encode(record: CheckpointRecord) -> bytes:
    """JSON with its own digest, so that damage to it shows as well."""
    content = record.model_dump(mode="json")
    return json.dumps({"sha256": _digest(content), "checkpoint": content}, indent=1).encode()


def read_record(folder: Path) -> CheckpointRecord:
    """Read what a checkpoint says about itself; raises `CheckpointError` naming the file."""
    path = folder / STATE_FILE
    try:
        found = json.loads(path.read_bytes())
        if _digest(found["checkpoint"]) != found["sha256"]:
            raise CheckpointError(f"{path}: damaged, its SHA-256 is not the one it names")
        return CheckpointRecord.model_validate(found["checkpoint"])
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: damaged, or not written by us ({error})") from error


def _digest(content: object) -> str:
    return sha256_bytes(json.dumps(content, sort_keys=True).encode())
