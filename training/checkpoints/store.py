"""The checkpoints of a run: saved beside the training, and gone on from."""

import json
import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from pydantic import JsonValue

from training.checkpoints.config import CheckpointsConfig
from training.checkpoints.exchange import Exchange
from training.checkpoints.host_copies import HostCopies
from training.checkpoints.records import read_record
from training.checkpoints.restoring import check_fit, fill
from training.checkpoints.state import State
from training.checkpoints.step_folders import StepFolders
from training.checkpoints.verification import verify
from training.checkpoints.writing import Snapshot, Writer
from training.errors import CheckpointError
from training.world import World

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a run goes on from."""

    step: int
    facts: Mapping[str, JsonValue]
    """As they were given to `save`."""
    world_size: int
    """Processes that wrote it."""
    left_alone: tuple[str, ...]
    """Names of each process's own that are as they were, for there are more or fewer processes."""


class CheckpointStore:
    """A folder of checkpoints that all processes of a run share, and see.

    All processes make it, call its methods in the same order (but for `steps`), and close it before
    the process group goes. `identity` says what the run is of, as digests of its config and data;
    a folder of another run is refused. All errors are `CheckpointError`, raised on all processes,
    and none takes a checkpoint away that was there.
    """

    def __init__(
        self,
        folder: Path,
        config: CheckpointsConfig,
        world: World,
        identity: Mapping[str, str],
    ) -> None:
        self._folders = StepFolders(folder)
        self._config = config
        self._world = world
        self._exchange = Exchange(world, timedelta(minutes=config.timeout_minutes))
        self._copies = HostCopies()
        self._writer = Writer(self._folders, config, world, self._exchange)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._writing: Future[None] | None = None
        self._check_same(identity)
        self._exchange.main(lambda: self._folders.open(identity))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what is being written; its error must not hide one that is on its way."""
        try:
            self.wait()
        except CheckpointError as late:
            if error is None:
                raise
            logger.error("%s", late)
        finally:
            self._thread.shutdown()

    def save(
        self, step: int, state: State, facts: Mapping[str, JsonValue], *, keep: bool = False
    ) -> None:
        """Copy a state after `step` steps, and write it while training goes on.

        Waits for the write before, and raises its error. `facts` are whatever else a run needs to
        go on; those of the main process count. `keep` exempts it from pruning. A step that is there
        already is not written again.
        """
        self.wait()
        snapshot = Snapshot(step, self._copies.take(state), _plain(facts), keep)
        self._writing = self._thread.submit(self._writer.write, snapshot)

    def wait(self) -> None:
        """Wait until what was saved is on the disk; raises what went wrong with it."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    @property
    def folder(self) -> Path:
        """Where the checkpoints are."""
        return self._folders.root

    def facts(self, step: int) -> Mapping[str, JsonValue]:
        """What was noted beside a checkpoint; its tensors are not looked at."""
        return read_record(self._folders.whole(step)).facts

    def steps(self) -> tuple[int, ...]:
        """Steps of which there is a checkpoint, in order; none is opened."""
        return self._folders.steps()

    def latest(self) -> int | None:
        """The newest checkpoint, None where there is none yet.

        With `skip_damaged` each is verified, newest first; a damaged one is set aside under another
        name with a warning. Raises `CheckpointError` where that leaves none.
        """
        self.wait()
        is_spoilt = False
        while (step := self._newest()) is not None:
            if not self._config.skip_damaged or self._is_whole(step):
                return step
            is_spoilt = True
        if is_spoilt:
            raise CheckpointError(
                f"{self._folders.root}: every checkpoint is damaged; delete it to begin anew"
            )
        return None

    def load(self, step: int, state: State) -> Restored:
        """Verify a checkpoint and fill the tensors of a state from it, in place.

        Rows are cut anew for this number of processes. Nothing is changed where the checkpoint is
        missing, damaged, or does not fit: the error names the file, or the tensors.
        """
        self.wait()
        folder = self._folders.whole(step)
        self._exchange.main(lambda: self._check_there(step))
        self._exchange.everyone(lambda: self._verify(step, state))
        record = read_record(folder)
        names = self._exchange.everyone(lambda: list(fill(record, state, folder, self._world)))
        left_alone = tuple(cast("list[str]", names[self._world.rank]))
        return Restored(step, record.facts, record.world_size, left_alone)

    def _check_same(self, identity: Mapping[str, str]) -> None:
        told = self._exchange.everyone(lambda: dict(identity))
        if any(other != told[0] for other in told):
            raise CheckpointError(
                f"the processes were started with different config or data: {told}; start all alike"
            )

    def _newest(self) -> int | None:
        steps = self._exchange.main(lambda: list(self.steps()))
        return max(cast("list[int]", steps), default=None)

    def _is_whole(self, step: int) -> bool:
        found = self._exchange.everyone(lambda: self._damage(step))
        damage = next((text for text in found if text is not None), None)
        if damage is not None:
            aside = self._exchange.main(lambda: str(self._folders.set_aside(step)))
            logger.warning("%s; set aside as %s, going on from the one before", damage, aside)
        return damage is None

    def _damage(self, step: int) -> str | None:
        try:
            verify(self._folders.whole(step), step, self._world)
        except CheckpointError as error:
            return str(error)
        return None

    def _check_there(self, step: int) -> None:
        if step not in self.steps():
            raise CheckpointError(
                f"{self._folders.root}: no checkpoint of step {step}; there are {self.steps()}"
            )

    def _verify(self, step: int, state: State) -> None:
        folder = self._folders.whole(step)
        try:
            record = verify(folder, step, self._world)
        except CheckpointError as error:
            raise CheckpointError(
                f"{error}; to go on from the one before, set skip_damaged or delete {folder}"
            ) from error
        check_fit(record, state, folder)


def _plain(facts: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A copy, as it will be read back."""
    try:
        return cast("dict[str, JsonValue]", json.loads(json.dumps(dict(facts), allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"facts of a checkpoint must be JSON ({error})") from error
