"""What a checkpoint costs: how long training stands still, and how fast the rest is written.

    python -m benchmarks.checkpoints [--runs 5] [--classes 93431] [--folder DIR]

The state is that of iResNet-50 with MS1MV3's 93,431 classes and momentum for both. `blocked_s` is
how long `save` keeps the training thread, `write_s` from there until the checkpoint is on the disk,
with its SHA-256 and fsync, `load_s` reading it back, verified. The first run also takes the memory
for the copy, and stands apart in the medians. `fsync_mb_s` is a bare write of as many bytes, then
fsync, in the same folder.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import torch

from training.checkpoints.config import CheckpointsConfig
from training.checkpoints.state import RowShard, State, Value, tensor_of
from training.checkpoints.store import CheckpointStore
from training.network.iresnet import IResNet, IResNetConfig
from training.world import alone

NUM_CLASSES: Final = 93_431


def full_state(num_classes: int) -> dict[str, Value]:
    """Weights, class centres, and momentum of both, filled at random."""
    network = IResNet(IResNetConfig(depths=(3, 4, 14, 3), widths=(64, 128, 256, 512)))
    state: dict[str, Value] = dict(network.state_dict())
    for name, parameter in network.named_parameters():
        state[f"momentum.{name}"] = torch.randn_like(parameter)
    for name in ("centres", "momentum.centres"):
        state[name] = RowShard(torch.randn(num_classes, 512), 0, num_classes)
    return state


def measure(store: CheckpointStore, state: State, step: int) -> dict[str, float]:
    """Save and load once; seconds."""
    blocked_s = _seconds(lambda: store.save(step, state, {}))
    write_s = _seconds(store.wait)
    load_s = _seconds(lambda: store.load(step, state))
    return {"blocked_s": blocked_s, "write_s": write_s, "load_s": load_s}


def bare_write_s(folder: Path, num_bytes: int) -> float:
    """Seconds for writing as many bytes, and fsync."""
    content, path = bytes(num_bytes), folder / "bare"

    def write() -> None:
        with path.open("wb") as stream:
            stream.write(content)
            os.fsync(stream.fileno())

    seconds = _seconds(write)
    path.unlink()
    return seconds


def _seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def run(folder: Path, num_classes: int, runs: int) -> None:
    """Print a row for each run, and the medians of all but the first."""
    state = full_state(num_classes)
    num_bytes = sum(tensor_of(value).nbytes for value in state.values())
    config = CheckpointsConfig(keep_last=1)
    rows = []
    with CheckpointStore(folder / "run", config, alone("cpu"), {}) as store:
        for step in range(runs + 1):
            row = measure(store, state, step)
            row["write_mb_s"] = num_bytes / 1e6 / row["write_s"]
            row["fsync_mb_s"] = num_bytes / 1e6 / bare_write_s(folder, num_bytes)
            rows.append(row)
    rows.append({name: float(np.median([row[name] for row in rows[1:]])) for name in rows[0]})
    print(f"{len(state)} tensors, {num_bytes / 1e6:,.0f} MB")
    print("".join(f"{name:>12}" for name in rows[0]))
    for row in rows:
        print("".join(f"{value:12,.2f}" for value in row.values()))
    print("the last row is the medians without the first run")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="what a checkpoint costs")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--classes", type=int, default=NUM_CLASSES)
    parser.add_argument("--folder", type=Path, help="where to write; default: a temporary one")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        run(Path(folder), options.classes, options.runs)


if __name__ == "__main__":
    main()
