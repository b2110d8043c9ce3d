"""The detectors side by side: misses, landmark error, time, and what they do to verification.

    python -m benchmarks.detectors [--lfw 800] [--subjects 120] [--folds 10] [--only yunet scrfd]

LFW's reference landmarks were predicted by SCRFD: the LFW error is distance from SCRFD, not from
the truth, and flatters SCRFD. The campus knows the truth, but is drawn. A face counts as missed
where none of the found ones lies within half an eye distance of the reference. Detectors whose
networks are not at hand, and LFW where it is absent, are left out by name.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks.lfw import labelled_photos, picture_of
from benchmarks.lfw_accuracy import lfw_accuracy
from data.detection.base import Detector
from data.detection.config import (
    DetectorConfig,
    FacePolicy,
    MtcnnConfig,
    RetinafaceConfig,
    ScrfdConfig,
    YunetConfig,
)
from data.detection.factory import open_detector
from data.detection.landmark_error import landmark_error
from data.detection.selection import select_face
from data.errors import DataError, SeveralFacesError, SourceError
from data.face import DetectedFace, LandmarksPx, RgbU8
from data.images import decode_image
from data.manifest import TRUE_LANDMARK_COLUMNS, landmarks_of
from data.sources.campus import CampusConfig, render_photo
from pipelines.detectors import install_detector
from pipelines.environment import data_dir
from pipelines.errors import PipelineError
from pipelines.pretrained_detectors import detector_licence

CONFIGS: Final[dict[str, DetectorConfig]] = {
    "mtcnn": MtcnnConfig(),
    "yunet": YunetConfig(),
    "retinaface": RetinafaceConfig(),
    "scrfd 2.5g": ScrfdConfig(),
    "scrfd 500m": ScrfdConfig(weights="det_500m"),
}
SIZES_HW: Final = {"250x250": (250, 250), "VGA": (480, 640)}
CAMPUS_SEED: Final = 31  # nothing was tuned on it
_ALL_FACES: Final = FacePolicy(min_eye_distance_px=0, max_nose_offset=1e9)


@dataclass(frozen=True, slots=True)
class Sample:
    """One photo whose face is known."""

    image_rgb_u8: RgbU8
    reference_px: LandmarksPx
    groups: tuple[str, ...]
    """What it is counted under."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a detector made of one sample."""

    error: float | None
    """Of the face nearest the reference, as a share of the eye distance; None for a miss."""
    several: bool
    """Whether `exactly_one` refuses the photo as one of several people."""


def lfw_samples(folder: Path, count: int) -> list[Sample]:
    """Evenly spread photos of LFW with the landmarks that SCRFD gave them."""
    table = labelled_photos(folder)
    rows = table.iloc[np.linspace(0, len(table) - 1, min(count, len(table))).astype(int)]
    return [
        Sample(picture_of(folder, photo), landmarks_of(photo, TRUE_LANDMARK_COLUMNS), ("LFW",))
        for _, photo in rows.iterrows()
    ]


def campus_samples(num_subjects: int) -> list[Sample]:
    """Photos of drawn students with their true landmarks, by mask and by skin tone."""
    config = CampusConfig(seed=CAMPUS_SEED, num_subjects=num_subjects, photos_per_subject=6)
    return [_campus_sample(config, index) for index in range(config.num_photos)]


def _campus_sample(config: CampusConfig, index: int) -> Sample:
    content, row = render_photo(config, index)
    points = np.array([row[name] for name in TRUE_LANDMARK_COLUMNS], np.float32).reshape(5, 2)
    if row["mask"] == "yes":
        return Sample(decode_image(content), points, ("masked",))
    tone = int(str(row["skin_tone"]).removeprefix("monk_"))
    band = "tone 1-4" if tone <= 4 else "tone 5-7" if tone <= 7 else "tone 8-10"
    return Sample(decode_image(content), points, ("campus", band))


def look(detector: Detector, sample: Sample) -> Looked:
    """Detect, and compare with the reference."""
    faces = detector.detect(sample.image_rgb_u8)
    errors = [landmark_error(face.landmarks_px, sample.reference_px) for face in faces]
    nearest = min(errors, default=np.inf)
    return Looked(nearest if nearest < 0.5 else None, _several(faces, sample))


def _several(faces: list[DetectedFace], sample: Sample) -> bool:
    height, width = sample.image_rgb_u8.shape[:2]
    try:
        select_face(faces, (height, width), _ALL_FACES)
    except SeveralFacesError:
        return True
    except DataError:
        return False
    return False


def milliseconds(detector: Detector, images: Sequence[RgbU8]) -> float:
    """Median time of one picture on one thread, by that thread's clock: neighbours do not count."""
    for image in images:
        detector.detect(image)
    spent_ms = []
    for image in images:
        started_s = time.thread_time()
        detector.detect(image)
        spent_ms.append(1e3 * (time.thread_time() - started_s))
    return float(np.median(spent_ms))


def rows_of(name: str, detector: Detector, samples: list[Sample]) -> Iterator[dict[str, object]]:
    """One row for each group of photos."""
    looked = [look(detector, sample) for sample in samples]
    for group in sorted({group for sample in samples for group in sample.groups}):
        mine = [each for each, s in zip(looked, samples, strict=True) if group in s.groups]
        errors = [each.error for each in mine if each.error is not None]
        yield {
            "detector": name,
            "photos": group,
            "n": len(mine),
            "missed": sum(each.error is None for each in mine),
            "several": sum(each.several for each in mine),
            "error median": f"{np.median(errors):.4f}" if errors else "-",
            "error p95": f"{np.quantile(errors, 0.95):.4f}" if errors else "-",
        }


def print_tables(
    num_lfw: int, num_subjects: int, only: Sequence[str] = (), num_folds: int = 0
) -> None:
    """Measure every detector that is at hand and print two Markdown tables."""
    cv2.setNumThreads(1)
    lfw = _lfw_folder()
    samples = campus_samples(num_subjects) + (lfw_samples(lfw, num_lfw) if lfw else [])
    timed = {
        size: [cv2.resize(s.image_rgb_u8, shape[::-1]).astype(np.uint8) for s in samples[:40]]
        for size, shape in SIZES_HW.items()
    }
    quality: list[dict[str, object]] = []
    speed: list[dict[str, object]] = []
    for name, config in CONFIGS.items():
        detector = _opened(name, config) if not only or name in only else None
        if detector is None:
            continue
        quality.extend(rows_of(name, detector, samples))
        speed.append({"detector": name, "licence": detector_licence(config)})
        speed[-1] |= {f"{k} ms": f"{milliseconds(detector, v):.1f}" for k, v in timed.items()}
        if num_folds and lfw:
            speed[-1] |= {f"LFW, {num_folds} folds": lfw_accuracy(detector, lfw, num_folds)}
    _print_markdown(quality)
    _print_markdown(speed)


def _opened(name: str, config: DetectorConfig) -> Detector | None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            install_detector(Path.cwd(), config, Path(folder))
        except (DataError, PipelineError) as error:
            print(f"{name} is left out: {error}")
            return None
        return open_detector(Path(folder), config)


def _lfw_folder() -> Path | None:
    try:
        folder = data_dir(Path.cwd()) / "lfw"
    except SourceError as error:
        print(f"LFW is left out: {error}")
        return None
    if not (folder / "meta.csv").is_file():
        print(f"LFW is left out: {folder} holds no meta.csv")
        return None
    return folder


def _print_markdown(rows: list[dict[str, object]]) -> None:
    columns = list(rows[0]) if rows else []
    print("\n| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(str(row[column]) for column in columns) + " |")


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description="measure the detectors side by side")
    parser.add_argument("--lfw", type=int, default=800, help="photos of LFW")
    parser.add_argument("--subjects", type=int, default=120, help="drawn students, six photos each")
    parser.add_argument("--only", nargs="*", default=[], choices=list(CONFIGS), metavar="NAME")
    parser.add_argument("--folds", type=int, default=0, help="of LFW, to verify on: minutes each")
    options = parser.parse_args()
    print_tables(options.lfw, options.subjects, options.only, options.folds)


if __name__ == "__main__":
    main()
