"""The attribute models on UTKFace: accuracy by framing of the face, and by their own confidence.

    python -m benchmarks.attributes --every 2

GEAR was trained on UTKFace, most likely on these very photos: for it the figures are flattering.
Landmarks come from MTCNN; the 1 to 2 % of chips where it finds no face are left out.
"""

import argparse
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.alignment import align
from data.attributes.config import PredictorName
from data.attributes.predictors import ETHNICITIES, GENDERS, Guess, Guesses, Predictor, chip_of
from data.detection.config import MtcnnConfig
from data.detection.mtcnn import Mtcnn
from data.detection.mtcnn_weights import build_mtcnn
from data.face import LandmarksPx, RgbU8
from data.images import decode_image
from pipelines.environment import data_dir
from pipelines.models import verified

Framing = Callable[[RgbU8, LandmarksPx, int], RgbU8]
MODELS: tuple[PredictorName, ...] = ("gear", "faceres")
BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0001)


def _whole(image: RgbU8, _: LandmarksPx, side_px: int) -> RgbU8:
    return cv2.resize(image, (side_px, side_px)).astype(np.uint8)


def _our_crop(image: RgbU8, landmarks_px: LandmarksPx, side_px: int) -> RgbU8:
    return _whole(align(image, landmarks_px), landmarks_px, side_px)


FRAMINGS: dict[str, Framing] = {
    "UTKFace's own chip": _whole,
    "chip_of (used)": chip_of,
    "our 112 x 112 crop": _our_crop,
}


def main() -> None:
    """Print both tables for both models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every n-th photo only")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    labels, faces = _faces(arguments.every)
    for name in MODELS:
        predictor = Predictor(name, verified(Path.cwd(), name))
        print(f"{name}, {len(faces)} faces")
        for framing, cut in FRAMINGS.items():
            guesses = _guess(predictor, faces, cut)
            print(f"  {framing:20} {_accuracy(guesses, labels)}")
            if cut is chip_of:
                used = guesses
        for column in ("gender", "ethnicity"):
            if column in used:
                print_confidence(column, used[column], labels[column].to_numpy(object))


def print_confidence(column: str, guess: Guess, truth: NDArray[np.object_]) -> None:
    """Accuracy in bins of confidence: calibrated means that both columns agree."""
    print(f"  {column}: confidence, photos, mean confidence, accuracy")
    right = guess.values == truth
    for low, high in pairwise(BINS):
        chosen = (guess.confidence >= low) & (guess.confidence < high)
        if chosen.any():
            mean, share = guess.confidence[chosen].mean(), right[chosen].mean()
            print(f"    {low:.2f}-{min(high, 1):.2f} {chosen.sum():5} {mean:.3f} {share:.3f}")


def _accuracy(guesses: Guesses, labels: pd.DataFrame) -> str:
    words = [
        f"{column} {np.mean(guesses[column].values == labels[column].to_numpy(object)):.3f}"
        for column in ("gender", "ethnicity")
        if column in guesses
    ]
    years = guesses["age_years"].values.astype(float)
    error = np.abs(years - labels["age"].to_numpy(float))
    return "  ".join([*words, f"age error {error.mean():.1f} years"])


def _guess(predictor: Predictor, faces: list[tuple[RgbU8, LandmarksPx]], cut: Framing) -> Guesses:
    chips = [cut(image, landmarks, predictor.side_px) for image, landmarks in faces]
    parts = [predictor.predict(np.stack(chips[n : n + 16])) for n in range(0, len(chips), 16)]
    return {
        column: Guess(
            np.concatenate([part[column].values for part in parts]),
            np.concatenate([part[column].confidence for part in parts]),
        )
        for column in parts[0]
    }


def _faces(every: int) -> tuple[pd.DataFrame, list[tuple[RgbU8, LandmarksPx]]]:
    folder = data_dir(Path.cwd()) / "utk_demographic"
    table = pd.read_csv(folder / "meta.csv").iloc[::every]
    table["gender"] = np.array(GENDERS, object)[table["gender_0m_1f"]]
    races = table["race_0white_1black_2asian_3indian_4other"]
    table["ethnicity"] = np.array(ETHNICITIES, object)[races]
    with tempfile.TemporaryDirectory() as networks:
        build_mtcnn(Path(networks))
        detector = Mtcnn.from_folder(Path(networks), MtcnnConfig())
    found = [_face(detector, folder / path) for path in table["path"]]
    kept = [face for face in found if face is not None]
    return table[[face is not None for face in found]], kept


def _face(detector: Mtcnn, photo: Path) -> tuple[RgbU8, LandmarksPx] | None:
    image = decode_image(photo.read_bytes())
    faces = detector.detect(image)
    if not faces:
        return None
    return image, max(faces, key=lambda face: face.area_px2).landmarks_px


if __name__ == "__main__":
    main()
