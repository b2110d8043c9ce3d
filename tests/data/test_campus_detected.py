"""The embedded detector, trained on real faces, finds the rendered ones where they are."""

from pathlib import Path

import numpy as np

from data.detection.config import MtcnnConfig
from data.detection.mtcnn import Mtcnn
from data.detection.mtcnn_weights import build_mtcnn
from data.face import eye_distance_px
from data.images import decode_image
from data.manifest import TRUE_LANDMARK_COLUMNS
from data.sources.campus import CampusConfig, render_photo


def test_mtcnn_finds_unmasked_photos_within_eight_percent(tmp_path: Path) -> None:
    build_mtcnn(tmp_path)
    detector = Mtcnn.from_folder(tmp_path, MtcnnConfig())
    config = CampusConfig(num_subjects=30, photos_per_subject=3)
    errors, photos = [], 0
    for index in range(config.num_photos):
        content, row = render_photo(config, index)
        if row["mask"] == "yes":
            continue
        photos += 1
        truth = np.array([row[name] for name in TRUE_LANDMARK_COLUMNS], np.float32).reshape(5, 2)
        for face in detector.detect(decode_image(content))[:1]:
            error = np.linalg.norm(face.landmarks_px - truth, axis=1).mean()
            errors.append(float(error) / eye_distance_px(truth))
    assert len(errors) >= 0.95 * photos
    assert np.median(errors) <= 0.08
