"""Near-duplicate photos: what copies and different photos score, and how quick the search is.

    python -m benchmarks.duplicates --subjects 100

Copies are made of each photo in the ways photos are copied; false alarms are all pairs of different
photos. LFW is measured as well where EXAMGATE_DATA_DIR holds it.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.duplicates.config import DuplicateConfig
from data.duplicates.hamming import near_pairs
from data.duplicates.hashing import MIRROR, distance, hash_picture
from data.duplicates.photo_hashes import hash_photos
from data.errors import SourceError
from data.face import RgbU8
from data.images import decode_photo
from data.sources.campus.source import CampusSource
from pipelines.environment import data_dir
from pipelines.params import CampusParams, load_params

Words = NDArray[np.uint64]


def _jpeg(image: RgbU8, quality: int) -> RgbU8:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    return decode_photo(encoded, side_px=128).image_rgb_u8


def _resized(image: RgbU8, scale: float) -> RgbU8:
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=flags).astype(np.uint8)


def _cropped(image: RgbU8, share: float) -> RgbU8:
    top, left = (round(side * share) for side in image.shape[:2])
    return np.ascontiguousarray(image[top:, left:])


COPIES: Final[dict[str, Callable[[RgbU8], RgbU8]]] = {
    "JPEG quality 90": lambda image: _jpeg(image, 90),
    "JPEG quality 50": lambda image: _jpeg(image, 50),
    "half size, JPEG 80": lambda image: _jpeg(_resized(image, 0.5), 80),
    "1.5 times the size": lambda image: _jpeg(_resized(image, 1.5), 85),
    "mirrored": lambda image: _jpeg(np.ascontiguousarray(image[:, ::-1]), 90),
    "brighter by 1.25": lambda image: _jpeg(cv2.convertScaleAbs(image, alpha=1.25), 90),  # type: ignore[arg-type]  # uint8 in, uint8 out
    "blurred by 1.5 px": lambda image: _jpeg(cv2.GaussianBlur(image, (0, 0), 1.5), 90),  # type: ignore[arg-type]  # uint8 in, uint8 out
    "2 % cut off two sides": lambda image: _jpeg(_cropped(image, 0.02), 90),
    "4 % cut off two sides": lambda image: _jpeg(_cropped(image, 0.04), 90),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=100, help="students to render")
    parser.add_argument("--copied", type=int, default=250, help="photos to copy")
    parser.add_argument("--hashes", type=int, default=1_000_000, help="size of the search")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        source = load_params(Path("params.yaml")).ingest.source
        if not isinstance(source, CampusParams):
            raise SystemExit("put params.yaml of the campus in force: examgate recipe params.yaml")
        config = source.model_copy(update={"num_subjects": arguments.subjects})
        CampusSource(config).materialise(Path(folder), 1, lambda *_: None)
        print_recall("campus", Path(folder), arguments.copied)
    try:
        print_recall("LFW", data_dir(Path.cwd()) / "lfw/images", arguments.copied)
    except SourceError as error:
        print(f"LFW left out: {error}")
    print_search(arguments.hashes)


def print_recall(name: str, folder: Path, num_copied: int) -> None:
    """Share of copies that are found, and the closest different photos."""
    paths = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jpg"))
    start = time.process_time()
    hashes = hash_photos(folder, paths, 1, lambda *_: None)
    per_photo = (time.process_time() - start) / len(paths)
    words = hashes.words[hashes.is_hashed]
    config = DuplicateConfig()
    print(f"{name}: {len(paths)} photos, {per_photo * 1e3:.2f} ms of one core each")
    _print_different(words, config)
    chosen = np.random.default_rng(0).choice(len(paths), num_copied, replace=False)
    print(f"  {'copy':24} {'found':>6} {'median':>7} {'95 %':>5}  bits of 256")
    for copy, make in COPIES.items():
        found, bits = _copies(folder, [paths[row] for row in chosen], make, config)
        print(f"  {copy:24} {found:6.3f} {np.median(bits):7.0f} {np.quantile(bits, 0.95):5.0f}")


def _print_different(words: Words, config: DuplicateConfig) -> None:
    low = np.ascontiguousarray(words[:, 0])
    one, other = near_pairs(low, low, config.search_distance, config.max_pairs)
    bits = np.sort(distance(words[one], words[other]))
    listed = int((bits <= config.max_distance).sum())
    pairs = len(words) * (len(words) - 1) // 2
    print(
        f"  of {pairs:,} pairs of different files {len(one)} are candidates, {listed} are listed;"
    )
    print(f"  the closest differ in {bits[:10].tolist()} bits")


def _copies(
    folder: Path, paths: list[str], make: Callable[[RgbU8], RgbU8], config: DuplicateConfig
) -> tuple[float, NDArray[np.int64]]:
    originals, copies = [], []
    for path in paths:
        content = (folder / path).read_bytes()
        small = hash_picture(decode_photo(content, side_px=128).image_rgb_u8)
        copy = hash_picture(make(decode_photo(content).image_rgb_u8))
        if small is not None and copy is not None:
            originals.append(small)
            copies.append(copy)
    left, right = np.stack(originals), np.stack(copies)
    plain, turned = distance(left, right), distance(left, right ^ MIRROR)
    nearest = np.where((plain <= turned)[:, None], right, right ^ MIRROR)
    bits = np.minimum(plain, turned)
    low = distance(left[:, :1], nearest[:, :1])
    found = (low <= config.search_distance) & (bits <= config.max_distance)
    return float(found.mean()), bits


def print_search(num_hashes: int) -> None:
    """Seconds of one core for all pairs of so many hashes, evenly and unevenly spread."""
    rng = np.random.default_rng(0)
    even = rng.integers(0, 2**64, num_hashes, dtype=np.uint64)
    # Each bit is 1 with another probability, as bits of portraits are, which all have one layout.
    bias = rng.uniform(0.25, 0.75, 64)
    bits = np.concatenate([rng.random((chunk, 64)) < bias for chunk in _chunks(num_hashes)])
    uneven = np.packbits(bits, axis=1).view(np.uint64)[:, 0]
    for name, hashes in (("even bits", even), ("uneven bits", uneven)):
        for mirrored, others in (("", hashes), (", mirrored", hashes ^ MIRROR)):
            start = time.process_time()
            found = len(near_pairs(hashes, others, 7, num_hashes)[0])
            seconds = time.process_time() - start
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{num_hashes:,} hashes, {name}{mirrored}: {found} pairs, {seconds:.1f} s of one"
                f" core, peak {peak:.0f} MB"
            )


def _chunks(num: int) -> list[int]:
    return [min(50_000, num - start) for start in range(0, num, 50_000)]


if __name__ == "__main__":
    main()
