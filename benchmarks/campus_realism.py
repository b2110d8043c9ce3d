"""How real the synthetic campus looks to networks that were trained on real faces.

Renders a small campus, finds the faces with YuNet and MTCNN, and compares crops at the true
landmarks with a pretrained embedder. Prints one JSON object.

    python benchmarks/campus_realism.py --weights ../shared/weights --subjects 100
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from data.alignment import align
from data.detection.config import MtcnnConfig
from data.detection.landmark_error import landmark_error
from data.detection.mtcnn import Mtcnn
from data.detection.mtcnn_weights import build_mtcnn
from data.face import LandmarksPx, RgbU8, l2_normalise
from data.images import decode_image
from data.manifest import TRUE_LANDMARK_COLUMNS
from data.sources.campus import CampusConfig, render_photo

Detector = Callable[[RgbU8], list[LandmarksPx]]
_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_IMAGENET_SD = np.array([0.229, 0.224, 0.225], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Photo:
    """One rendered photograph."""

    picture: RgbU8
    truth_px: LandmarksPx
    row: dict[str, Any]


def _render(config: CampusConfig) -> tuple[list[Photo], float]:
    photos = []
    started = time.process_time()
    contents = [render_photo(config, index) for index in range(config.num_photos)]
    spent_ms = 1000 * (time.process_time() - started) / config.num_photos
    for content, row in contents:
        truth = np.array([row[name] for name in TRUE_LANDMARK_COLUMNS], dtype=np.float32)
        photos.append(Photo(decode_image(content), truth.reshape(5, 2), row))
    return photos, spent_ms


def _yunet(weights: Path) -> Detector:
    network = cv2.FaceDetectorYN.create(
        str(weights / "detect/yunet_2023mar.onnx"), "", (320, 320), 0.6
    )

    def detect(picture: RgbU8) -> list[LandmarksPx]:
        network.setInputSize((picture.shape[1], picture.shape[0]))
        faces = network.detect(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
        return [] if faces is None else [f[4:14].reshape(5, 2) for f in faces]

    return detect


def _mtcnn(folder: Path) -> Detector:
    build_mtcnn(folder)
    network = Mtcnn.from_folder(folder, MtcnnConfig())
    return lambda picture: [face.landmarks_px for face in network.detect(picture)]


def _error(photo: Photo, found: list[LandmarksPx]) -> float | None:
    """Mean landmark error of the best face over the eye distance; None for a miss."""
    best = min((landmark_error(face, photo.truth_px) for face in found), default=np.inf)
    return best if best < 0.5 else None


def _found_by(photos: list[Photo], errors: list[float | None], column: str) -> dict[str, float]:
    found: dict[str, list[bool]] = {}
    for photo, error in zip(photos, errors, strict=True):
        found.setdefault(str(photo.row[column]), []).append(error is not None)
    return {value: round(float(np.mean(hits)), 4) for value, hits in sorted(found.items())}


def _detection(photos: list[Photo], detect: Detector) -> dict[str, Any]:
    results = [detect(p.picture) for p in photos]
    errors = [_error(p, faces) for p, faces in zip(photos, results, strict=True)]
    found = [e for e in errors if e is not None]
    return {
        "photos": len(photos),
        "found_share": round(len(found) / len(photos), 4),
        "exactly_one_face_share": round(float(np.mean([len(faces) == 1 for faces in results])), 4),
        **{
            f"found_share_by_{column}": _found_by(photos, errors, column)
            for column in ("capture_kind", "lighting", "skin_tone", "pose_band", "glasses")
        },
        "landmark_error_median": round(float(np.median(found)), 4),
        "landmark_error_p95": round(float(np.quantile(found, 0.95)), 4),
    }


def _embed(photos: list[Photo], weights: Path) -> NDArray[np.float32]:
    session = ort.InferenceSession(
        str(weights / "embed/mobilefacenet_foamliu.onnx"), providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    rows = []
    for photo in photos:
        crop = align(photo.picture, photo.truth_px).astype(np.float32) / 255
        scaled = ((crop - _IMAGENET_MEAN) / _IMAGENET_SD).transpose(2, 0, 1)[None]
        rows.append(session.run(None, {name: scaled})[0][0])
    return l2_normalise(np.asarray(rows, dtype=np.float32))


def _auc(genuine: NDArray[np.floating], impostor: NDArray[np.floating]) -> float | None:
    if not len(genuine) or not len(impostor):
        return None
    below = np.searchsorted(np.sort(impostor), genuine, side="left")
    upto = np.searchsorted(np.sort(impostor), genuine, side="right")
    return round(float((below + upto).mean() / (2 * len(impostor))), 4)


def _verification(photos: list[Photo], embeddings: NDArray[np.float32]) -> dict[str, Any]:
    subject = np.array([p.row["subject_id"] for p in photos])
    family = np.array([p.row["family_id"] for p in photos])
    bare = np.array([p.row["mask"] == "no" for p in photos])
    first, second = np.triu_indices(len(photos), 1)
    score = (embeddings @ embeddings.T)[first, second]
    same = subject[first] == subject[second]
    kin = (family[first] == family[second]) & ~same
    unmasked = bare[first] & bare[second]
    threshold = float(np.quantile(score[unmasked & ~same], 0.99))
    return {
        "genuine_pairs": int(same.sum()),
        "sibling_pairs": int(kin.sum()),
        "auc_all": _auc(score[same], score[~same]),
        "auc_unmasked": _auc(score[same & unmasked], score[~same & unmasked]),
        "auc_unmasked_siblings_only": _auc(score[same & unmasked], score[kin & unmasked]),
        "tar_at_fmr_1e-2_unmasked": round(float((score[same & unmasked] > threshold).mean()), 4),
        "mean_similarity_genuine": round(float(score[same].mean()), 4),
        "mean_similarity_impostor": round(float(score[~same].mean()), 4),
        "mean_similarity_siblings": round(float(score[kin].mean()), 4) if kin.any() else None,
    }


def measure(config: CampusConfig, weights: Path) -> dict[str, Any]:
    """All figures of one campus."""
    photos, spent_ms = _render(config)
    with tempfile.TemporaryDirectory() as folder:
        mtcnn = _mtcnn(Path(folder))
    unmasked = [p for p in photos if p.row["mask"] == "no"]
    return {
        "subjects": config.num_subjects,
        "photos_per_subject": config.photos_per_subject,
        "seed": config.seed,
        "render_cpu_ms_per_photo": round(spent_ms, 1),
        "unmasked_yunet": _detection(unmasked, _yunet(weights)),
        "unmasked_mtcnn": _detection(unmasked, mtcnn),
        "embedder": _verification(photos, _embed(photos, weights)),
    }


def main() -> None:
    """Parse the command line and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--weights", type=Path, default=Path("../shared/weights"))
    parser.add_argument("--subjects", type=int, default=60)
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    config = CampusConfig(
        seed=options.seed, num_subjects=options.subjects, photos_per_subject=options.photos
    )
    print(json.dumps(measure(config, options.weights), indent=2))


if __name__ == "__main__":
    main()
