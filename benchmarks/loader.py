"""What the loader gives, against bare decoding, and how long training waits for it.

    python -m benchmarks.loader [--pictures 4000] [--rounds 5] [--steps 12]

First table: crops a second of bare `cv2.imdecode` in one thread, and of whole steps (order, draws,
reading, decoding) of packed crops and of RecordIO, with one decoding thread and with two. The
rounds take turns; medians by the wall clock, and the core's time a crop, which also tells something
on a busy machine. Files are in the page cache, as after a first epoch. `cold` is the packed file
read from the disk, with pages asked for ahead and left to page faults.

Second table: the demo's network computes forward and backward on what the loader gives, and the
share of the time in which it waited.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch

from benchmarks.recordio import pictures
from data.crops import write_crops
from data.images import decode_image
from data.recordio.index import Int64s
from data.recordio.labels import read_labels
from data.recordio.reader import RecordFile
from data.recordio.writer import RECORDS_FILE, LabelledPicture, write_record_set
from pipelines.params import load_params
from training.augmentation.augment import AugmentConfig, augmented
from training.augmentation.pixels import to_network_input
from training.loading.crop_sources import CropSource, PackedCrops
from training.loading.order import SampleOrder
from training.loading.plan import StepPlan
from training.loading.record_crops import RecordCrops
from training.loading.step_loader import Loader, LoaderConfig
from training.network.iresnet import IResNet, IResNetConfig
from training.world import alone

BATCH: Final = 256


@contextmanager
def sources(contents: list[LabelledPicture]) -> Iterator[tuple[PackedCrops, RecordCrops, Path]]:
    """The same pictures packed and as records."""
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "crops.npy"
        with write_crops(packed) as writer:
            for picture in contents:
                writer.append(decode_image(picture.content))
        write_record_set(Path(folder) / "set", contents)
        file = RecordFile.open(Path(folder) / "set" / RECORDS_FILE)
        yield PackedCrops.open(packed), RecordCrops(file, read_labels(file).keys), packed


def bare(contents: list[LabelledPicture]) -> None:
    """Decode bytes that lie in memory."""
    for picture in contents:
        cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_COLOR)


def loader_of(source: CropSource, batch: int, threads: int, augmentation: AugmentConfig) -> Loader:
    """A loader of all crops in the shuffled order of a run of one process."""
    order = SampleOrder(np.arange(len(source)), len(source), None, 0)
    plan = StepPlan(len(order), batch, None, 1)
    config = LoaderConfig(decode_threads=threads)
    labels = np.zeros(len(source), np.int64)
    return Loader(source, labels, order, plan, alone("cpu"), augmentation, config)


def epoch_of(source: CropSource, threads: int) -> None:
    """Take the steps of an epoch and do nothing with them."""
    with loader_of(source, BATCH, threads, AugmentConfig()) as loader:
        for _ in loader.steps(0, len(source) // BATCH):
            pass


def print_speeds(num_pictures: int, rounds: int) -> None:
    """Time bare decoding and every way of loading; print a row for each."""
    cv2.setNumThreads(1)
    num_pictures -= num_pictures % BATCH
    contents = list(pictures(num_pictures))
    with sources(contents) as (packed, records, packed_path):
        ways: dict[str, Callable[[], None]] = {
            "bare imdecode, 1 thread": partial(bare, contents),
            "packed, 1 thread": partial(epoch_of, packed, 1),
            "packed, 2 threads": partial(epoch_of, packed, 2),
            "RecordIO, 1 thread": partial(epoch_of, records, 1),
            "RecordIO, 2 threads": partial(epoch_of, records, 2),
        }
        print(f"{num_pictures} crops, JPEG of quality 95, {rounds} rounds, steps of {BATCH}")
        _print_rows(ways, num_pictures, rounds)
        _print_cold(packed_path, num_pictures)


def _print_rows(ways: dict[str, Callable[[], None]], count: int, rounds: int) -> None:
    wall_s: dict[str, list[float]] = {name: [] for name in ways}
    cpu_s: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way()
            if turn:  # the first warms up
                wall_s[name].append(time.perf_counter() - wall)
                cpu_s[name].append(time.process_time() - cpu)
    reference = np.array(next(iter(wall_s.values())))
    print(f"{'':<26} {'crops/s':>9} {'of bare':>8} {'core us/crop':>13}")
    for name, found in wall_s.items():
        share = np.median(reference / np.array(found))
        core_us = np.median(cpu_s[name]) / count * 1e6
        print(f"{name:<26} {count / np.median(found):9,.0f} {share:8.2f} {core_us:13.1f}")


def _print_cold(path: Path, count: int) -> None:
    copy = path.with_name("cold.npy")  # pages that are mapped elsewhere stay in memory
    shutil.copyfile(path, copy)
    rows = np.random.default_rng(0).permutation(count).reshape(-1, BATCH)
    for name, is_ahead in (("asked ahead", True), ("page faults", False)):
        _leave_page_cache(copy)
        speed = count / _cold_s(PackedCrops.open(copy), rows, is_ahead)
        print(f"{'cold, ' + name:<26} {speed:9,.0f}")


def _cold_s(source: PackedCrops, batches: Int64s, is_ahead: bool) -> float:
    into = np.empty((BATCH, 112, 112, 3), np.uint8)
    start = time.perf_counter()
    for rows in batches:
        if is_ahead:
            source.fetch_ahead(rows)
        source.read_into(rows, into)
    return time.perf_counter() - start


def _leave_page_cache(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def print_waits(num_steps: int) -> None:
    """Compute steps of the demo on packed crops and on records; print what was waited for."""
    demo = load_params(Path("params.yaml")).train
    contents = list(pictures(demo.batch_size * 4))
    print(f"\nthe demo's step of {demo.batch_size}, {torch.get_num_threads()} threads")
    print(f"{'':<26} {'s/step':>9} {'waited':>8}")
    with sources(contents) as (packed, records, _):
        for name, source in (("packed", packed), ("RecordIO", records)):
            with loader_of(source, demo.batch_size, 1, demo.augmentation) as loader:
                wait_s, step_s = _computed(loader, demo.network, demo.augmentation, num_steps)
            print(f"{name + ', 1 thread':<26} {step_s:9.3f} {wait_s / step_s:8.3%}")


def _computed(
    loader: Loader, network: IResNetConfig, augmentation: AugmentConfig, num_steps: int
) -> tuple[float, float]:
    """Seconds a step waited and took, after one to warm up."""
    model = IResNet(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # its stub
    start = wait_s = 0.0
    for batch in loader.steps(0, num_steps + 1):
        if batch.step == 1:
            start, wait_s = time.perf_counter(), loader.data_wait_s
        (micro,) = batch.micro
        crops = augmented(to_network_input(micro.crops_rgb_u8), micro.draws, augmentation)
        crops = crops.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            embeddings = model(crops)
        embeddings.square().mean().backward()
    return (
        (loader.data_wait_s - wait_s) / num_steps,
        (time.perf_counter() - start) / num_steps,
    )


def print_tables(num_pictures: int = 4000, rounds: int = 5, num_steps: int = 12) -> None:
    """Both tables."""
    print_speeds(num_pictures, rounds)
    print_waits(num_steps)


def main() -> None:
    """Read the command line and print both tables."""
    parser = argparse.ArgumentParser(description="time the loader against bare decoding")
    parser.add_argument("--pictures", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    print_tables(options.pictures, options.rounds, options.steps)


if __name__ == "__main__":
    main()
