"""Who is found at a second look with equalised lightness, and what it finds where nobody is.

    python -m benchmarks.second_try

Reads the photos of the last `dvc repro` in which the first look finds no face, with their true
landmarks; and, where LFW is at hand, the upper corners of its photos, enlarged: no faces.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from data.detection.base import Detector
from data.detection.config import MtcnnConfig
from data.detection.factory import open_detector
from data.detection.landmark_error import landmark_error
from data.detection.second_try import equalised
from data.errors import DataError
from data.face import RgbU8
from data.images import decode_image
from data.manifest import ALIGNED_SCHEMA, TRUE_LANDMARK_COLUMNS, landmarks_of, read_manifest
from data.photos import read_photo
from pipelines.environment import data_dir
from pipelines.layout import Layout

CORNER_SHARE = 4
LFW_EVERY = 20


def _gamma(exponent: float) -> Callable[[RgbU8], RgbU8]:
    levels = (255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return lambda image: levels[image]


WAYS: dict[str, Callable[[RgbU8], RgbU8]] = {
    "as it is": lambda image: image,
    "gamma 0.7": _gamma(0.7),
    "gamma 0.5": _gamma(0.5),
    "equalised": equalised,
}


def main() -> None:
    """Print faces found and their landmark error, then false faces."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    layout = Layout(Path.cwd())
    detector = open_detector(layout.detector, MtcnnConfig())
    print_found(detector, read_manifest(layout.aligned_manifest, ALIGNED_SCHEMA), layout)
    try:
        photos = sorted((data_dir(layout.root) / "lfw/images").glob("*/*.jpg"))[::LFW_EVERY]
    except DataError as error:
        print(f"false faces: not measured ({error})")
        return
    print_false(detector, photos)


def print_found(detector: Detector, table: pd.DataFrame, layout: Layout) -> None:
    """Faces found among photos that the first look finds empty, by way of looking again."""
    # A first look of its own: the manifest may have been made with the second one.
    missed = []
    for _, row in table.iterrows():
        image = decode_image(read_photo(layout.photos, str(row["path"])))
        if not detector.detect(image):
            missed.append((image, landmarks_of(row, TRUE_LANDMARK_COLUMNS), row["skin_tone"]))
    tones = pd.Series([tone for _, _, tone in missed]).value_counts().to_dict()
    print(f"{len(missed)} photos without a face at the first look; skin tones: {tones}")
    for name, way in WAYS.items():
        errors = [
            landmark_error(face.landmarks_px, true_px)
            for image, true_px, _ in missed
            for face in detector.detect(way(image))[:1]
        ]
        median = f"{np.median(errors):.3f}" if errors else "-"
        print(f"{name:10} finds {len(errors):3}, median landmark error {median} eye distances")


def print_false(detector: Detector, photos: list[Path]) -> None:
    """Faces found in corners of photos, where there are none."""
    false = dict.fromkeys(WAYS, 0)
    for photo in photos:
        for corner in _corners(decode_image(photo.read_bytes())):
            first = bool(detector.detect(corner))
            for name, way in WAYS.items():
                false[name] += first or bool(detector.detect(way(corner)))
    print(f"false faces in {2 * len(photos)} corners of LFW photos, first look included: {false}")


def _corners(image: RgbU8) -> list[RgbU8]:
    height, width = (side // CORNER_SHARE for side in image.shape[:2])
    corners = (image[:height, :width], image[:height, -width:])
    return [cv2.resize(c, (250, 250), interpolation=cv2.INTER_CUBIC).astype("u1") for c in corners]


if __name__ == "__main__":
    main()
