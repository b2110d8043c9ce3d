"""Seconds and memory of millions of comparisons, each kind in a process of its own.

    python -m benchmarks.comparisons

All pairs of 4,473 photos (10 million) and 15,658,489 listed pairs of 23,124 templates, the size of
IJB-C, on drawn embeddings of 512 numbers, with errors by person and both intervals at one
threshold. Beside them a plain loop over pairs in the manner of the common scripts, which holds
every score; it runs on a part and its seconds are scaled up, its memory by what one score takes.
"""

import json
import resource
import subprocess
import sys
import time

import numpy as np
from numpy.typing import NDArray

from evaluation.scale.streamed import Streamed
from evaluation.scale.streaming import stream_all_pairs, stream_listed
from evaluation.uncertainty.bootstrap import SubjectBootstrap

IJB_C_PAIRS = 15_658_489
_LOOPED = 200_000
_THRESHOLD = 0.15
_KINDS = ("all pairs", "listed pairs", "plain loop")

Embeddings = NDArray[np.float32]
Codes = NDArray[np.int64]


def print_table() -> None:
    """Measure each kind in a fresh process and print a line for it."""
    print(f"{'comparisons':<14}{'number':>12}{'seconds':>9}{'of it intervals':>17}{'peak GB':>9}")
    for kind in _KINDS:
        command = [sys.executable, "-m", "benchmarks.comparisons", kind]
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        print(
            f"{kind:<14}{found['number']:>12,}{found['seconds']:>9.1f}"
            f"{found['intervals']:>17.1f}{found['peak_gb']:>9.2f}  {found['note']}"
        )


def measure(kind: str) -> dict[str, object]:
    """Run one kind here; the peak is that of this process, embeddings and list included."""
    num_photos, num_people = (23_124, 3_531) if kind == "listed pairs" else (4_473, 900)
    embeddings, people = _drawn(num_photos, num_people)
    usable = np.ones(num_photos, dtype=bool)
    if kind == "plain loop":
        return _loop(embeddings, people)
    rows = _list(num_photos)
    started_s = time.perf_counter()
    found = (
        stream_listed(embeddings, people, usable, rows, [_THRESHOLD])
        if kind == "listed pairs"
        else stream_all_pairs(embeddings, people, usable, [_THRESHOLD])
    )
    return _measured(found, started_s)


def _measured(found: Streamed, started_s: float) -> dict[str, object]:
    streamed_s = time.perf_counter() - started_s
    rates = found.rates(_THRESHOLD, 0.95, SubjectBootstrap())
    total_s = time.perf_counter() - started_s
    number = found.genuine.total + found.impostor.total
    note = f"FMR {rates.fmr.rate:.2e} [{rates.fmr.low:.2e}, {rates.fmr.high:.2e}]"
    return _row(number, total_s, total_s - streamed_s, _peak_gb(), note)


def _loop(embeddings: Embeddings, people: Codes) -> dict[str, object]:
    """Score pair by pair into lists, as the common scripts do."""
    number, before_gb = len(people) * (len(people) - 1) // 2, _peak_gb()
    scores: list[float] = []
    genuine: list[bool] = []
    started_s = time.perf_counter()
    for i in range(len(people)):
        for j in range(i + 1, len(people)):
            scores.append(float(np.dot(embeddings[i], embeddings[j])))
            genuine.append(bool(people[i] == people[j]))
        if len(scores) >= _LOOPED:
            break
    scale = number / len(scores)
    seconds = scale * (time.perf_counter() - started_s)
    held = sys.getsizeof(scores[0]) + 16  # the number, and a place in either list
    peak_gb = before_gb + number * held / 1e9
    return _row(number, seconds, 0.0, peak_gb, f"scaled from {len(scores):,}; no interval at all")


def _row(
    number: int, seconds: float, intervals: float, peak_gb: float, note: str
) -> dict[str, object]:
    return {
        "number": number,
        "seconds": seconds,
        "intervals": intervals,
        "peak_gb": peak_gb,
        "note": note,
    }


def _drawn(num_photos: int, num_people: int) -> tuple[Embeddings, Codes]:
    rng = np.random.default_rng(0)
    people = np.sort(rng.integers(0, num_people, num_photos))
    faces = rng.standard_normal((num_people, 512), dtype=np.float32)
    found = faces[people] + 1.5 * rng.standard_normal((num_photos, 512), dtype=np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found, people


def _list(num_photos: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    rng = np.random.default_rng(1)
    left = rng.integers(0, num_photos, IJB_C_PAIRS, dtype=np.int32)
    step = rng.integers(1, num_photos, IJB_C_PAIRS, dtype=np.int32)
    return left, ((left + step) % num_photos).astype(np.int32)


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        print_table()
