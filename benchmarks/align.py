"""How many photos a second are drawn and aligned, and what a second process brings.

    python -m benchmarks.align [--subjects 40] [--detector mtcnn]

Draws students into a temporary folder and aligns them, both with one process and with two. One row
for each: photos a second by the wall clock, the start of the processes included, and the share of
the time that one process would need (0.5 would be perfect).
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.detectors import CONFIGS
from data.detection.config import FacePolicy
from data.quality_policy import QualityPolicy
from data.sources.campus import CampusConfig
from data.sources.campus.source import CampusSource
from pipelines.align import photo_tasks
from pipelines.detectors import install_detector
from pipelines.photo_aligner import AlignSettings, look_at_all

PHOTOS_EACH: Final = 8


def print_table(num_subjects: int, detector: str = "mtcnn") -> None:
    """Measure, and print a Markdown table."""
    config = CampusConfig(num_subjects=num_subjects, photos_per_subject=PHOTOS_EACH)
    print(f"\n{config.num_photos} photos of the campus, detector {detector}")
    print("| work | processes | photos/s | share of the time of one |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        networks = Path(folder) / "detector"
        install_detector(Path.cwd(), CONFIGS[detector], networks)
        photos = Path(folder) / "photos"
        source = CampusSource(config)
        table = source.materialise(photos, 1, _silent).table
        _rows("draw", config.num_photos, lambda n: source.materialise(photos, n, _silent))
        settings = AlignSettings(photos, networks, CONFIGS[detector], FacePolicy(), QualityPolicy())
        tasks = list(photo_tasks(table))
        _rows("align", len(tasks), lambda n: list(look_at_all(tasks, settings, n, _silent)))


def _rows(work: str, count: int, run: Callable[[int], object]) -> None:
    alone_s = 0.0
    for processes in (1, 2):
        started_s = time.perf_counter()
        run(processes)
        spent_s = time.perf_counter() - started_s
        alone_s = alone_s or spent_s
        print(f"| {work} | {processes} | {count / spent_s:.1f} | {spent_s / alone_s:.2f} |")


def _silent(*_counts: int) -> None:
    """Progress that nobody looks at."""


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description="photos a second drawn and aligned")
    parser.add_argument("--subjects", type=int, default=40)
    parser.add_argument("--detector", default="mtcnn", choices=list(CONFIGS))
    options = parser.parse_args()
    print_table(options.subjects, options.detector)


if __name__ == "__main__":
    main()
