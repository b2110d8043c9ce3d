"""How long the engine of a bundle takes for the faces of a VGA frame.

    python -m benchmarks.engine BUNDLE [--threads 1 2] [--batches 1 8] [--runs 50]

One row for each number of threads and faces: the median and the 95th percentile of one call, and
how many faces a second the median makes. Decoding and detection are not in it.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from data.face import TEMPLATE_PX
from serving.bundle import Bundle, open_bundle
from serving.engine import Engine, EngineConfig, load_engine
from serving.errors import ServingError

VGA_PX = (480, 640)
WARM_UP_RUNS = 5


def time_calls(engine: Engine, batch: int, runs: int) -> tuple[float, float]:
    """Median and 95th percentile of one call with `batch` frames, in milliseconds."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (batch, *VGA_PX, 3), dtype=np.uint8)
    # A face about 200 pixels wide, a little different in each frame.
    landmarks = TEMPLATE_PX * 2 + rng.uniform(100, 200, (batch, 1, 2))
    landmarks_px = landmarks.astype(np.float32)
    elapsed_ms = []
    for _ in range(WARM_UP_RUNS + runs):
        start = time.perf_counter()
        engine.embed(frames, landmarks_px)
        elapsed_ms.append((time.perf_counter() - start) * 1e3)
    median, late = np.percentile(elapsed_ms[WARM_UP_RUNS:], [50, 95])
    return float(median), float(late)


def print_table(bundle: Bundle, threads: list[int], batches: list[int], runs: int) -> None:
    """Measure every pair of threads and batch, and print a row for each."""
    release = bundle.release
    print(f"{release.name}  {release.architecture}  {bundle.digest[:12]}  VGA, {runs} runs")
    print(f"{'threads':>7} {'faces':>6} {'median ms':>10} {'p95 ms':>8} {'faces/s':>8}")
    for count in threads:
        engine = load_engine(bundle, EngineConfig(threads=count))
        for batch in batches:
            median, late = time_calls(engine, batch, runs)
            per_second = batch / median * 1e3
            print(f"{count:7} {batch:6} {median:10.2f} {late:8.2f} {per_second:8.1f}")


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description="time the engine of a bundle on VGA frames")
    parser.add_argument("bundle", type=Path, help="folder of a release bundle or a candidate")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--runs", type=int, default=50)
    options = parser.parse_args()
    try:
        bundle = open_bundle(options.bundle, require_released=False)
        print_table(bundle, options.threads, options.batches, options.runs)
    except ServingError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
