"""Load a list of template pairs of IJB-C's size: seconds and peak memory, in a fresh process."""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from data.published import read_published, write_published
from data.sources.ijb_lists import read_template_pairs

NUM_PAIRS = 15_658_489
NUM_TEMPLATES = 23_124
NUM_GENUINE = 19_557


def main() -> None:
    """Write a random list, then read it in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=NUM_PAIRS)
    parser.add_argument("--read", type=Path, help="read the list in this folder, for the child")
    arguments = parser.parse_args()
    if arguments.read:
        _measure(arguments.read)
        return
    with tempfile.TemporaryDirectory() as folder:
        _write_list(Path(folder) / "ijbc_template_pair_label.txt", arguments.pairs)
        command = [sys.executable, "-m", "benchmarks.ijb_pairs", "--read", folder]
        subprocess.run(command, check=True)


def _write_list(path: Path, num_pairs: int) -> None:
    rng = np.random.default_rng(0)
    left = rng.integers(0, NUM_TEMPLATES, num_pairs)
    right = (left + rng.integers(1, NUM_TEMPLATES, num_pairs)) % NUM_TEMPLATES
    label = np.arange(num_pairs) < NUM_GENUINE
    table = pa.table({"left": left, "right": right, "label": label.astype(np.int8)})
    options = pa.csv.WriteOptions(include_header=False, delimiter=" ")
    pa.csv.write_csv(table, path, options)


def _measure(folder: Path) -> None:
    print(f"{'before':24s} {'':8s} {_peak_mib():6.0f} MiB")
    start = time.perf_counter()
    pairs = read_template_pairs(folder, "ijbc")
    _say(f"list of {len(pairs):,}", start)
    start = time.perf_counter()
    write_published(pairs, folder / "protocol.parquet")
    _say("written as Parquet", start)
    del pairs
    start = time.perf_counter()
    read_published(folder / "protocol.parquet")
    _say("read from Parquet", start)


def _say(what: str, start: float) -> None:
    print(f"{what:24s} {time.perf_counter() - start:6.2f} s {_peak_mib():6.0f} MiB")


def _peak_mib() -> float:
    # Not getrusage: there a process begins with the peak of the one that started it.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
