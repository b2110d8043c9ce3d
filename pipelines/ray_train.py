"""The ranks of a training run as workers of a Ray cluster, instead of as processes of torchrun.

Ray places and starts them, opens the process group, and starts all again when one is lost; what is
trained, saved and resumed is the trainer's affair, as everywhere. Of Ray's own checkpoints, data
sets and reports nothing is used.
"""

import logging
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipelines.environment import usable_workers
from pipelines.errors import LaunchError
from pipelines.launched import log_level
from pipelines.ray_cluster import ray_cluster
from pipelines.stage import OUR_ERRORS
from training.errors import WorldError
from training.world import DeviceChoice, World, open_world

logger = logging.getLogger(__name__)

Work = Callable[[World], None]
"""What each rank does. It is sent to the nodes, so it can be pickled and its module is there."""
_TRACKING: Final = "MLFLOW_TRACKING_URI"
_TIMEOUT_S: Final = 600
_DEVICE: Final[dict[bool, DeviceChoice]] = {True: "cuda", False: "cpu"}


@dataclass(frozen=True, slots=True)
class RayOptions:
    """Where and how often."""

    workers: int
    """Ranks."""
    address: str | None = None
    """Of the cluster, `auto` for the one that this machine belongs to; None: one of our own."""
    use_gpu: bool = False
    """One GPU for each rank; else they compute on the CPU."""
    threads: int | None = None
    """CPU cores of each rank; None: of our own cluster its part, of another one 1."""
    max_failures: int = 0
    """How often all ranks are started again after one was lost; the trainer goes on from its last
    checkpoint."""


def train_on_ray(work: Work, root: Path, needed: Mapping[Path, int], options: RayOptions) -> None:
    """Do `work` on every rank, in the folder `root`, and wait for all.

    `needed`: files that every node must see with this size in bytes, under the same path, as on a
    shared file system. Raises `LaunchError` where a node does not, where no cluster answers, and
    where a rank failed more often than allowed.
    """
    root = root.resolve()
    threads = options.threads or _share_of_cores(options)
    with ray_cluster(options.address, threads * options.workers):
        _fit(_Rank(work, root, needed, options.use_gpu), root, threads, options)


@dataclass(frozen=True)
class _Rank:
    """What is sent to a node."""

    work: Work
    root: Path
    needed: Mapping[Path, int]
    use_gpu: bool

    def __call__(self) -> None:
        for path, size in self.needed.items():
            check_shared(path, size)
        os.chdir(self.root)
        logging.getLogger().setLevel(log_level())
        with open_world(_DEVICE[self.use_gpu]) as world:
            self.work(world)


def check_shared(path: Path, num_bytes: int) -> None:
    """Raise `LaunchError` with this node's name where it does not see the file with this size."""
    node = socket.gethostname()
    found = path.stat().st_size if path.is_file() else None
    if found == num_bytes:
        return
    what = "is not there" if found is None else f"has {found} bytes instead of {num_bytes}"
    raise LaunchError(
        f"node {node}: {path} {what}; all nodes need the same folder under the same path, as on a"
        " shared file system"
    )


def _fit(rank: _Rank, root: Path, threads: int, options: RayOptions) -> None:
    from ray.train import (
        FailureConfig,
        LoggingConfig,
        RunConfig,
        ScalingConfig,
        TrainingFailedError,
        WorkerGroupError,
    )
    from ray.train.torch import TorchConfig, TorchTrainer

    resources = {"CPU": threads, **({"GPU": 1} if options.use_gpu else {})}
    backend = "cpu:gloo,cuda:nccl" if options.use_gpu else "gloo"
    trainer = TorchTrainer(
        rank,
        torch_config=TorchConfig(backend=backend, timeout_s=_TIMEOUT_S),
        scaling_config=ScalingConfig(
            num_workers=options.workers, use_gpu=options.use_gpu, resources_per_worker=resources
        ),
        run_config=RunConfig(  # type: ignore[call-arg]  # mypy sees the one of Ray Train V1
            name="train",
            storage_path=str(root / "var/ray"),
            worker_runtime_env=_surroundings(),
            failure_config=FailureConfig(max_failures=options.max_failures),
            logging_config=LoggingConfig(log_level="CRITICAL"),
        ),
    )
    try:
        trainer.fit()
    except TrainingFailedError as error:
        failures = error.worker_failures if isinstance(error, WorkerGroupError) else {}
        if not any(isinstance(cause, OUR_ERRORS) for cause in failures.values()):
            logger.error("%s", error)  # a defect, with its trace, or Ray's own trouble
        raise LaunchError(line_of(failures, options.workers)) from error


def line_of(failures: Mapping[int, Exception], size: int) -> str:
    """Say which rank began it: a typed error goes before a lost rank, and both before the rest."""
    if not failures:
        return "Ray could not run the ranks; see above"
    rank, cause = min(failures.items(), key=lambda item: _precedence(item[1]))
    if isinstance(cause, OUR_ERRORS):
        return f"rank {rank} of {size} failed: {type(cause).__name__}: {cause}"
    return (
        f"rank {rank} of {size} was lost ({type(cause).__name__}, see above); start again, the run"
        " goes on from its last checkpoint"
    )


def _precedence(cause: Exception) -> int:
    if isinstance(cause, WorldError):
        return 2  # it follows from the loss of another rank
    return 0 if isinstance(cause, OUR_ERRORS) else 1


def _surroundings() -> dict[str, dict[str, str]]:
    """The tracking server is the driver's; its credentials have to be on the nodes already."""
    address = os.environ.get(_TRACKING)
    return {"env_vars": {_TRACKING: address}} if address else {}


def _share_of_cores(options: RayOptions) -> int:
    return 1 if options.address else max(1, usable_workers() // options.workers)
