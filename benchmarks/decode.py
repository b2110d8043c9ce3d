"""What decoding costs, and what decoding large photos smaller costs in likeness.

    python -m benchmarks.decode                     # times; part of `make bench`
    python -m benchmarks.decode --likeness 100      # also on LFW faces inside 12-megapixel photos

Times are medians on one thread of `decode_image` beside the bare decoder (OpenCV's libjpeg-turbo,
no check of anything). Likeness puts LFW faces of a given size into a photo of 4000 x 3000, decodes
it whole, and at the sides given, and compares embeddings of the faces that the detector finds.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.detection.base import Detector
from data.detection.factory import open_detector
from data.face import DetectedFace, RgbU8, eye_distance_px
from data.images import DECODE_SIDE_PX, ImageLimits, decode_image, decode_photo
from pipelines.environment import data_dir
from pipelines.params import load_params
from pipelines.wrapping import wrap
from serving.bundle import open_bundle
from serving.engine import Engine, EngineConfig, load_engine
from serving.release import DETECTOR_FOLDER

SIZES: Final = (
    (112, 112, 400),
    (250, 250, 300),
    (640, 480, 100),
    (1920, 1080, 20),
    (4000, 3000, 7),
)
"""Width, height, runs."""
EYES_PX: Final = (70, 100, 200)
SIDES_PX: Final = (1600, 1000)
MODEL: Final = "mobilefacenet_foamliu"
JPEG_QUALITY: Final = 92

Embedding = NDArray[np.float32]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--likeness", type=int, default=0, metavar="FACES")
    arguments = parser.parse_args()
    print_table()
    if arguments.likeness:
        print_likeness(Path.cwd(), arguments.likeness)


def print_table() -> None:
    """Times by size of the picture."""
    cv2.setNumThreads(1)
    print("JPEG decode, ms: ours | bare | bare/ours | whole | 1/2 | 1/4")
    for width, height, runs in SIZES:
        content = _jpeg(_scene(width, height))
        buffer = np.frombuffer(content, np.uint8)
        ours = _median_ms(partial(decode_image, content), runs)
        bare = _median_ms(partial(cv2.imdecode, buffer, cv2.IMREAD_COLOR_RGB), runs)
        sides = (None, max(width, height) // 2, max(width, height) // 4)
        scaled = [_median_ms(partial(decode_photo, content, side_px=side), runs) for side in sides]
        cells = " | ".join(f"{ms:.3f}" for ms in scaled)
        print(f"{width}x{height}: {ours:.3f} | {bare:.3f} | {bare / ours:.0%} | {cells}")


@dataclass(frozen=True)
class _Looker:
    detector: Detector
    engine: Engine

    def embedding(self, image_rgb_u8: RgbU8) -> Embedding | None:
        """Of the largest face, or None."""
        face = self.largest(image_rgb_u8)
        if face is None:
            return None
        return np.asarray(self.engine.embed(image_rgb_u8[None], face.landmarks_px[None])[0])

    def largest(self, image_rgb_u8: RgbU8) -> DetectedFace | None:
        faces = self.detector.detect(image_rgb_u8)
        return max(faces, key=lambda found: found.area_px2, default=None)


def print_likeness(root: Path, num_faces: int) -> None:
    """Found faces and cosine to the whole decoding, by eye distance and side."""
    params = load_params(root / "params/lfw.yaml")
    folders = sorted(f for f in (data_dir(root) / "lfw/images").iterdir() if f.is_dir())
    photos = [next(person.glob("*.jpg")) for person in folders[:: len(folders) // num_faces]]
    with tempfile.TemporaryDirectory() as folder:
        wrap(root, MODEL, Path(folder) / "bundle", params)
        bundle = open_bundle(Path(folder) / "bundle", require_released=False)
        detector = open_detector(bundle.folder / DETECTOR_FOLDER, bundle.release.detector)
        looker = _Looker(detector, load_engine(bundle, EngineConfig()))
        for eyes_px in EYES_PX:
            _print_likeness_at(looker, photos[:num_faces], eyes_px)


def _print_likeness_at(looker: _Looker, photos: list[Path], eyes_px: int) -> None:
    found: dict[int | None, list[Embedding | None]] = {side: [] for side in (None, *SIDES_PX)}
    for path in photos:
        small = decode_image(path.read_bytes())
        face = looker.largest(small)
        if face is None:
            continue
        content = _jpeg(_in_large_photo(small, eyes_px / eye_distance_px(face.landmarks_px)))
        for side, embeddings in found.items():
            photo = decode_photo(content, ImageLimits(max_bytes=1 << 26), side)
            embeddings.append(looker.embedding(photo.image_rgb_u8))
    for side in SIDES_PX:
        _print_cosines(eyes_px, side, found[None], found[side])


def _print_cosines(
    eyes_px: int,
    side: int,
    whole: list[Embedding | None],
    scaled: list[Embedding | None],
) -> None:
    both = [(a, b) for a, b in zip(whole, scaled, strict=True) if a is not None and b is not None]
    cosines = [float(a @ b) for a, b in both] or [float("nan")]
    print(
        f"eyes {eyes_px} px of 4000, side {side}: found {sum(a is not None for a in whole)} whole,"
        f" {sum(b is not None for b in scaled)} scaled; cosine median {np.median(cosines):.4f},"
        f" 5 % {np.quantile(cosines, 0.05):.4f}"
    )


def _in_large_photo(image_rgb_u8: RgbU8, scale: float) -> RgbU8:
    large = cv2.resize(image_rgb_u8, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    photo = np.full((3000, 4000, 3), 128, np.uint8)
    height, width = (min(a, b) for a, b in zip(large.shape[:2], (3000, 4000), strict=True))
    top, left = (3000 - height) // 2, (4000 - width) // 2
    photo[top : top + height, left : left + width] = large[:height, :width]
    return photo


def _scene(width: int, height: int) -> RgbU8:
    rng = np.random.default_rng(0)
    soft = cv2.resize(
        rng.integers(0, 256, (30, 40, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC
    )
    return np.asarray(np.clip(soft + rng.normal(0, 4, soft.shape), 0, 255), np.uint8)


def _jpeg(image_rgb_u8: RgbU8) -> bytes:
    bgr = cv2.cvtColor(image_rgb_u8, cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError("the picture cannot be encoded")
    return encoded.tobytes()


def _median_ms(work: Callable[[], object], runs: int) -> float:
    work()
    spent = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        spent.append(1e3 * (time.perf_counter() - started))
    return statistics.median(spent)


if __name__ == "__main__":
    print(f"sides from {DECODE_SIDE_PX} pixels on are decoded smaller")
    main()
