"""How many crops a second training augmentation changes on a CPU, change by change.

    python -m benchmarks.augment [--threads 1] [--batch 64] [--runs 5]

`crops/s` is the median of the runs. The line `all` is every change at once, as a run that wants
everything would have it; `demo` is the default recipe's.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Final

import numpy as np
import torch

from pipelines.params import load_params
from training.augmentation.augment import AugmentConfig, augmented, draw

_GEOMETRY: Final = {"shift_px": 4.0, "rotation_deg": 5.0, "zoom": 0.05}
_LIGHT: Final = {"brightness": 0.2, "contrast": 0.2, "colour": 0.1}
SETTINGS: Final = {
    "flip": AugmentConfig(),
    "geometry": AugmentConfig.model_validate(_GEOMETRY),
    "light": AugmentConfig.model_validate(_LIGHT),
    "low resolution 0.15": AugmentConfig(low_resolution_share=0.15),
    "erase 0.2": AugmentConfig(erase_share=0.2),
    "blur 0.2": AugmentConfig(blur_share=0.2),
    "blur 1.0": AugmentConfig(blur_share=1.0),
    "cover 0.2": AugmentConfig(cover_share=0.2),
    "all": AugmentConfig.model_validate(
        _GEOMETRY
        | _LIGHT
        | {"low_resolution_share": 0.15, "erase_share": 0.2, "blur_share": 0.2, "cover_share": 0.2}
    ),
}


def measure(config: AugmentConfig, batch: int, runs: int) -> float:
    """Median crops a second, after one run to warm up."""
    crops = torch.rand(batch, 3, 112, 112) * 2 - 1
    rows = np.arange(batch, dtype=np.int64)
    seconds = []
    for epoch in range(runs + 1):
        start = time.perf_counter()
        augmented(crops, draw(config, 0, epoch, rows), config)
        seconds.append(time.perf_counter() - start)
    return batch / statistics.median(seconds[1:])


def print_table(threads: int = 1, batch: int = 64, runs: int = 5) -> None:
    """Measure every setting and print a row for each."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    demo = load_params(Path("params.yaml")).train.augmentation
    print(f"augmentation, {threads} threads, batch {batch}\n{'change':<20} {'crops/s':>9}")
    for name, config in {**SETTINGS, "demo": demo}.items():
        print(f"{name:<20} {measure(config, batch, runs):9.0f}", flush=True)
    torch.set_num_threads(before)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description="time training augmentation")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print_table(options.threads, options.batch, options.runs)


if __name__ == "__main__":
    main()
