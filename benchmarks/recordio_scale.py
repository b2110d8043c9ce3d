"""Opening a RecordIO file of five million records, and reading from it at random.

    python -m benchmarks.recordio_scale [--records 5000000] [--runs 5] [--folder DIR]

The file is made here, without our writer, in InsightFace's layout: small records, and every
thousandth with a picture of 6 MB that is a hole in the file. So the offsets run to 30 GB, as in a
real set, and the disk holds 350 MB. Each run is a fresh process that loads the reader and nothing
else. `open_s` is wall clock, `open_peak_mb` the peak of the whole process with Python and numpy;
`batch_us` and `single_us` are microseconds for one record at random, in batches and one by one.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from data.recordio.reader import RecordFile

NUM_RECORDS: Final = 5_000_000
PICTURE_BYTES: Final = 40
HOLE_BYTES: Final = 6_000_000
BLOCK_RECORDS: Final = 1000
BATCH: Final = 256
_HEADER_BYTES: Final = 24
_RECORD: Final = np.dtype(
    [
        *[(name, "<u4") for name in ("magic", "length", "flag")],
        *[("label", "<f4"), ("id", "<u8"), ("id2", "<u8")],
        ("picture", "u1", PICTURE_BYTES),
    ]
)


def make(folder: Path, num_records: int) -> Path:
    """Write `train.rec` and `train.idx` with keys 1 to `num_records`, and 0 in the last line."""
    path, end = folder / "train.rec", 0
    with path.open("wb") as records, path.with_suffix(".idx").open("w") as index:
        for first in range(1, num_records + 1, BLOCK_RECORDS):
            keys = range(first, min(first + BLOCK_RECORDS, num_records + 1))
            records.seek(end)
            records.write(_block(keys, HOLE_BYTES))
            index.writelines(
                f"{key}\t{end + row * _RECORD.itemsize}\n" for row, key in enumerate(keys)
            )
            end += len(keys) * _RECORD.itemsize + HOLE_BYTES
        records.seek(end)
        records.write(_block(range(1), 0))
        index.write(f"0\t{end}\n")
    return path


def _block(keys: range, hole_bytes: int) -> bytes:
    """Records one after another; the last one goes on for a hole that is not written."""
    rows = np.zeros(len(keys), _RECORD)
    rows["magic"] = 0xCED7230A
    rows["length"] = _HEADER_BYTES + PICTURE_BYTES
    rows["length"][-1] += hole_bytes
    rows["label"] = np.array(keys) // 60
    rows["id"] = keys
    rows["picture"] = 0x55
    return rows.tobytes()


def measure(path: Path) -> dict[str, float]:
    """Open a file and read from it at random, in this process."""
    start, start_cpu = time.perf_counter(), time.process_time()
    file = RecordFile.open(path)
    open_s, open_cpu_s = time.perf_counter() - start, time.process_time() - start_cpu
    open_peak_mb = _peak_mb()
    keys = np.random.default_rng(0).choice(file.keys, 1000 * BATCH)
    batches = [_seconds(file.read_batch, batch) for batch in keys.reshape(-1, BATCH)]
    single = [_seconds(file.read_image, key) for key in keys[:20_000].tolist()]
    return {
        "records": len(file),
        "open_s": open_s,
        "open_cpu_s": open_cpu_s,
        "open_peak_mb": open_peak_mb,
        "batch_us": float(np.median(batches)) / BATCH * 1e6,
        "single_us": float(np.median(single)) * 1e6,
    }


def _seconds(read: Callable[[Any], object], what: object) -> float:
    start = time.perf_counter()
    read(what)
    return time.perf_counter() - start


def _peak_mb() -> float:
    """Peak resident memory of this process since it was started."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = [line for line in lines if line.startswith("VmHWM:")]
    return int(peak.split()[1]) * 1024 / 1e6


def run(folder: Path, num_records: int, runs: int) -> None:
    """Make the file, measure it in fresh processes, and print a row for each and the medians."""
    start = time.perf_counter()
    path = make(folder, num_records)
    index_mb = path.with_suffix(".idx").stat().st_size / 1e6
    print(
        f"{path.stat().st_size / 1e9:.1f} GB of records, index of {index_mb:.0f} MB,"
        f" made in {time.perf_counter() - start:.0f} s"
    )
    rows = [_in_fresh_process(path) for _ in range(runs)]
    rows.append({name: float(np.median([row[name] for row in rows])) for name in rows[0]})
    print("".join(f"{name:>14}" for name in rows[0]))
    for row in rows:
        print("".join(f"{value:14,.2f}" for value in row.values()))
    print("the last row is the medians")


def _in_fresh_process(path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.recordio_scale", "--measure", str(path)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def main() -> None:
    """Read the command line; with `--measure` print JSON of one run."""
    parser = argparse.ArgumentParser(description="open and read a RecordIO file of millions")
    parser.add_argument("--records", type=int, default=NUM_RECORDS)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to make the file; default: a new one")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        run(Path(folder), options.records, options.runs)


if __name__ == "__main__":
    main()
