"""How many photos a second are drawn and aligned, and what a second process brings.

    python -m benchmarks.align [--subjects 40] [--detector mtcnn]

Draws students into a temporary folder and aligns them, both with one process and with two. One row
for each: photos a second by the wall clock between the first progress and the end, so without the
start of the processes, and how many times the rate of one process that is (2 would be perfect).
"""

import argparse
import tempfile
import time
from collections import deque
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
REPEATS: Final = 4
"""Times that a photo is aligned: it is quicker aligned than drawn."""


def print_table(num_subjects: int, detector: str = "mtcnn") -> None:
    """Measure, and print a Markdown table."""
    config = CampusConfig(num_subjects=num_subjects, photos_per_subject=PHOTOS_EACH)
    print(f"\n{config.num_photos} photos of the campus, detector {detector}")
    print("| work | processes | photos/s | times one |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        networks = Path(folder) / "detector"
        install_detector(Path.cwd(), CONFIGS[detector], networks)
        photos = Path(folder) / "photos"
        source = CampusSource(config)
        _rows("draw", lambda n, clock: source.materialise(photos, n, clock.at))
        table = source.materialise(photos, 2, lambda *_: None).table
        settings = AlignSettings(photos, networks, CONFIGS[detector], FacePolicy(), QualityPolicy())
        tasks = list(photo_tasks(table)) * REPEATS
        _rows("align", lambda n, clock: deque(look_at_all(tasks, settings, n, clock.at), maxlen=0))


class _Clock:
    """Photos a second from the first progress to the last."""

    def __init__(self) -> None:
        self._progress: list[tuple[float, int]] = []

    def at(self, done: int, *_all: int) -> None:
        """Take the number of photos done so far."""
        self._progress.append((time.perf_counter(), done))

    @property
    def rate(self) -> float:
        """Photos a second."""
        (first_s, first), (last_s, last) = self._progress[0], self._progress[-1]
        return (last - first) / (last_s - first_s)


def _rows(work: str, run: Callable[[int, _Clock], object]) -> None:
    alone = 0.0
    for processes in (1, 2):
        clock = _Clock()
        run(processes, clock)
        alone = alone or clock.rate
        print(f"| {work} | {processes} | {clock.rate:.1f} | {clock.rate / alone:.2f} |")


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description="photos a second drawn and aligned")
    parser.add_argument("--subjects", type=int, default=40)
    parser.add_argument("--detector", default="mtcnn", choices=list(CONFIGS))
    options = parser.parse_args()
    print_table(options.subjects, options.detector)


if __name__ == "__main__":
    main()
