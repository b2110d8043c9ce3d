"""`make bench`: the released model on this machine, engine and server, in one run."""

import argparse
import os
from pathlib import Path

import pandas as pd

from benchmarks import align, augment, comparisons, decode, detectors, loader, recordio, train_step
from benchmarks.compare_http import bench_bundle
from benchmarks.engine import print_table
from benchmarks.gate_morning import bench_morning
from pipelines.layout import Layout
from serving.bundle import open_bundle


def main() -> None:
    """Measure `artifacts/release`, or another bundle, on two photos of the test split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=Path("artifacts/release"))
    parser.add_argument("--requests", type=int, default=100)
    arguments = parser.parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores")
    print_table(open_bundle(arguments.bundle), threads=[1, 2], batches=[1, 8], runs=30)
    augment.print_table()
    train_step.bench()
    decode.print_table()
    recordio.print_tables()
    loader.print_tables()
    detectors.print_tables(num_lfw=200, num_subjects=40)
    align.print_table(num_subjects=40)
    comparisons.print_table()
    bench_bundle(arguments.bundle, _two_photos(Layout(Path.cwd())), arguments.requests, [1, 2, 8])
    bench_morning(arguments.bundle, candidates=120, speedup=30.0)


def _two_photos(layout: Layout) -> list[Path]:
    table = pd.read_parquet(layout.curated_manifest)
    usable = table[(table["split"] == "test") & table["reject_reason"].isna()]
    return [layout.photos / path for path in usable["path"].head(2)]


if __name__ == "__main__":
    main()
