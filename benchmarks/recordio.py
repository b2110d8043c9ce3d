"""How much of a core's decoding a RecordIO file costs at 112 x 112.

    python -m benchmarks.recordio [--pictures 2000] [--rounds 11]

The same JPEGs are decoded by the same decoder: as bytes in memory (bare), out of a record file at
random in batches, one by one, and by the platform's own checked decoding. The rounds take turns,
and the clock is that of the core's work, so that a busy machine spoils little. The file is in the
page cache, as after a first epoch. Medians of images a second of one core, and the share of bare.
The pictures are drawn: enough texture for 6 kB at quality 95, as face sets have it.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks import recordio_scale
from data.images import decode_image
from data.photos import read_photo, record_path
from data.recordio.reader import RecordFile
from data.recordio.writer import RECORDS_FILE, LabelledPicture, write_record_set

BATCH: Final = 256
JPEG_QUALITY: Final = 95
NUM_PEOPLE: Final = 100


def pictures(count: int) -> Iterator[LabelledPicture]:
    """Smooth shapes under grain, all different."""
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(40, 220, (7, 7, 3)).astype(np.uint8)
        smooth = cv2.resize(coarse, (112, 112), interpolation=cv2.INTER_CUBIC)
        grain = rng.normal(0, 4, (112, 112, 1))
        crop = np.clip(smooth + grain, 0, 255).astype(np.uint8)
        content = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
        yield LabelledPicture(number * NUM_PEOPLE // count, content.tobytes())


def bare(contents: list[bytes]) -> None:
    """Decode bytes that lie in memory."""
    for content in contents:
        cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def in_batches(file: RecordFile, keys: list[int]) -> None:
    """Decode records at random, as training reads them."""
    for start in range(0, len(keys), BATCH):
        for picture in file.read_batch(keys[start : start + BATCH]):
            cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)


def one_by_one(file: RecordFile, keys: list[int]) -> None:
    """Decode records at random, each looked up for itself."""
    for key in keys:
        cv2.imdecode(np.frombuffer(file.read_image(key), np.uint8), cv2.IMREAD_COLOR)


def checked(contents: list[bytes]) -> None:
    """Decode as the platform does: type, wholeness and size first, then RGB."""
    for content in contents:
        decode_image(content)


def checked_photos(root: Path, keys: list[int]) -> None:
    """Read and decode as a stage does."""
    for key in keys:
        decode_image(read_photo(root, record_path(RECORDS_FILE, key)))


def print_tables(num_pictures: int = 2000, rounds: int = 11) -> None:
    """Decoding, then opening and random access at five million records."""
    print_speeds(num_pictures, rounds)
    with tempfile.TemporaryDirectory() as folder:
        recordio_scale.run(Path(folder), recordio_scale.NUM_RECORDS, runs=5)


def print_speeds(num_pictures: int, rounds: int) -> None:
    """Write the file, time every way and print a row for each."""
    cv2.setNumThreads(1)
    contents = list(pictures(num_pictures))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "set"
        write_record_set(root, contents)
        file = RecordFile.open(root / RECORDS_FILE)
        order = np.random.default_rng(1).permutation(num_pictures)
        keys: list[int] = (order + 1).tolist()
        shuffled = [contents[row].content for row in order]
        ways: dict[str, Callable[[], None]] = {
            "bare, in memory": partial(bare, shuffled),
            "RecordIO, batches": partial(in_batches, file, keys),
            "RecordIO, one by one": partial(one_by_one, file, keys),
            "decode_image": partial(checked, shuffled),
            "read_photo + decode_image": partial(checked_photos, root, keys),
        }
        size = np.mean([len(content) for content in shuffled])
        print(f"{num_pictures} JPEGs of {size / 1e3:.1f} kB, one core, {rounds} rounds")
        _print_rows(ways, num_pictures, rounds)


def _print_rows(ways: dict[str, Callable[[], None]], count: int, rounds: int) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            start = time.process_time()
            way()
            if turn:  # the first warms up
                seconds[name].append(time.process_time() - start)
    reference = np.array(next(iter(seconds.values())))
    print(f"{'':<26} {'images/s':>9} {'of bare':>8}")
    for name, found in seconds.items():
        share = np.median(reference / np.array(found))
        print(f"{name:<26} {count / np.median(found):9,.0f} {share:8.1%}")


def main() -> None:
    """Read the command line and print both tables."""
    parser = argparse.ArgumentParser(description="read RecordIO against bare decoding")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    print_tables(options.pictures, options.rounds)


if __name__ == "__main__":
    main()
