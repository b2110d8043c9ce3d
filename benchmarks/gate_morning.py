"""An exam morning in open loop on a server of a released bundle, on loopback.

    python -m benchmarks.gate_morning --bundle artifacts/release --candidates 120 --speedup 30

Prints photos rendered a second, and what `examgate simulate --url` prints. Server and load share
this machine's cores, so the latency is no better than this machine.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from benchmarks.compare_http import server_of
from data.simulator import CampusWorld, SimulatorConfig, plan_morning
from data.simulator.photos import PhotoStore
from pipelines.simulation.open_loop import LoadConfig
from pipelines.simulation.run import simulate_load
from pipelines.simulation.summary import summary


def main() -> None:
    """Parse the command line and run one morning."""
    parser = argparse.ArgumentParser(description="Open-loop load of an exam morning.")
    parser.add_argument("--bundle", type=Path, default=Path("artifacts/release"))
    parser.add_argument("--candidates", type=int, default=120)
    parser.add_argument("--speedup", type=float, default=30.0)
    options = parser.parse_args()
    bench_morning(options.bundle, options.candidates, options.speedup)


def bench_morning(bundle: Path, candidates: int, speedup: float) -> None:
    """Render a morning's photos, then send it to a server in a process of its own."""
    world, config = CampusWorld(), SimulatorConfig().with_candidates(candidates)
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder)
        _bench_rendering(world, config, photos)
        with server_of(bundle) as (host, port):
            load = LoadConfig(speedup=speedup)
            found = simulate_load(f"http://{host}:{port}", load, "campus", world, config, photos)
    print(summary(found.report))


def _bench_rendering(world: CampusWorld, config: SimulatorConfig, photos: Path) -> None:
    workers = len(os.sched_getaffinity(0))
    started_s = time.perf_counter()
    morning = plan_morning(config, world)
    num = PhotoStore(world, photos).prepare(morning, workers, lambda *_: None)
    spent_s = time.perf_counter() - started_s
    print(
        f"gate photos: {num} in {spent_s:.1f} s, {num / spent_s:.1f} per second, {workers} workers"
    )


if __name__ == "__main__":
    main()
