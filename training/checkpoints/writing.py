"""Writing one checkpoint, all processes together, beside the training."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue
from safetensors.torch import save_file
from torch import Tensor

from data.files import sha256_file
from training.checkpoints.config import CheckpointsConfig
from training.checkpoints.durable import check_free, sync, write_durably, write_errors_named
from training.checkpoints.exchange import Exchange
from training.checkpoints.records import (
    STATE_FILE,
    CheckpointRecord,
    FileRecord,
    RankPlan,
    encode,
    merge,
    rank_file,
    record_of,
)
from training.checkpoints.state import Value, tensor_of
from training.checkpoints.step_folders import StepFolders
from training.errors import CheckpointError
from training.world import World

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state that nobody changes any more, in host memory."""

    step: int
    state: Mapping[str, Value]
    facts: Mapping[str, JsonValue]
    keep: bool
    """Whether `prune` is to leave it alone."""


class Writer:
    """Writes the checkpoints of a run into its folder."""

    def __init__(
        self, folders: StepFolders, config: CheckpointsConfig, world: World, exchange: Exchange
    ) -> None:
        self._folders = folders
        self._config = config
        self._world = world
        self._exchange = exchange

    def write(self, snapshot: Snapshot) -> None:
        """Write a checkpoint that is whole under its name, or not there at all.

        Every process writes its file into a folder `.partial`; when all are on the disk, the main
        one adds `state.json` and renames the folder. A step that is there already is left as it is:
        the same run is in the same state there. Raises `CheckpointError`, on all processes.
        """
        if self._exchange.main(lambda: self._is_there(snapshot)):
            return
        try:
            self._write(snapshot)
        except Exception:
            if self._world.is_main:
                shutil.rmtree(self._folders.partial(snapshot.step), ignore_errors=True)
            raise
        self._exchange.main(self._prune)

    def _write(self, snapshot: Snapshot) -> None:
        tensors = self._own_tensors(snapshot.state)
        plans = self._plans(snapshot, sum(tensor.nbytes for tensor in tensors.values()))
        record = CheckpointRecord(
            step=snapshot.step,
            world_size=self._world.size,
            facts=dict(snapshot.facts),
            tensors=merge(plans),
            files={},
        )
        num_bytes = sum(plan.num_bytes for plan in plans)
        named = write_errors_named(self._folders.root, num_bytes)
        self._exchange.main(named(lambda: self._begin(snapshot.step, num_bytes)))
        files = self._exchange.everyone(named(lambda: self._write_own(snapshot.step, tensors)))
        self._exchange.main(named(lambda: self._finish(record, files, snapshot.keep)))

    def _is_there(self, snapshot: Snapshot) -> bool:
        is_there = snapshot.step in self._folders.steps()
        if is_there and snapshot.keep:
            self._folders.keep(snapshot.step)
        return is_there

    def _plans(self, snapshot: Snapshot, num_bytes: int) -> list[RankPlan]:
        own = RankPlan(
            step=snapshot.step,
            num_bytes=num_bytes,
            tensors={name: record_of(value) for name, value in snapshot.state.items()},
        )
        told = self._exchange.everyone(lambda: own.model_dump(mode="json"))
        return [RankPlan.model_validate(plan) for plan in told]

    def _own_tensors(self, state: Mapping[str, Value]) -> dict[str, Tensor]:
        return {
            name: tensor_of(value)
            for name, value in state.items()
            if self._world.is_main or not isinstance(value, Tensor)
        }

    def _begin(self, step: int, num_bytes: int) -> None:
        check_free(self._folders.root, num_bytes, round(self._config.leave_free_gb * 1e9))
        self._folders.begin(step)

    def _write_own(self, step: int, tensors: dict[str, Tensor]) -> JsonValue:
        folder = self._folders.partial(step)
        if not folder.is_dir():
            raise CheckpointError(
                f"{folder}: process {self._world.rank} does not see what process 0 made;"
                " checkpoints must be on a file system that all processes share"
            )
        path = folder / rank_file(self._world.rank)
        save_file(tensors, path)
        sync(path)
        file = FileRecord(sha256=sha256_file(path), num_bytes=path.stat().st_size)
        return file.model_dump(mode="json")

    def _finish(self, record: CheckpointRecord, told: Sequence[JsonValue], keep: bool) -> None:
        files = {rank_file(rank): FileRecord.model_validate(file) for rank, file in enumerate(told)}
        content = encode(record.model_copy(update={"files": files}))
        write_durably(self._folders.partial(record.step) / STATE_FILE, content)
        if keep:
            self._folders.keep(record.step)
        self._folders.publish(record.step)

    def _prune(self) -> None:
        try:
            self._folders.prune(self._config.keep_last)
        except OSError as error:
            logger.warning("old checkpoints could not be deleted: %s", error)
