"""Rendered photos as `align` and the engine see them, for tests that degrade photos."""

from pathlib import Path

import numpy as np
import pandas as pd

from data.detection.factory import open_detector
from data.detection.selection import select_face
from data.images import decode_image
from data.manifest import LANDMARK_COLUMNS
from data.sources.campus.config import CampusConfig
from data.sources.campus.render import render_photo
from evaluation.operating_points import OperatingPoint
from pipelines.scoring import EmbeddedPhotos
from serving.bundle import Bundle
from serving.engine import EngineConfig, load_engine
from serving.release import DETECTOR_FOLDER

PEOPLE, PHOTOS_EACH = 4, 2
POINTS = {
    "fmr_1e-3": OperatingPoint(
        target_fmr=1e-3, threshold=0.8, num_impostor_pairs=5000, realised_fmr=1e-3
    )
}


def rendered_photos(bundle: Bundle, folder: Path) -> EmbeddedPhotos:
    """Two photos each of four people, the first on file and the second from the gate."""
    config = CampusConfig(num_subjects=PEOPLE, photos_per_subject=PHOTOS_EACH, seed=7)
    detector = open_detector(bundle.folder / DETECTOR_FOLDER, bundle.release.detector)
    engine = load_engine(bundle, EngineConfig())
    rows, embeddings = [], []
    for number in range(PEOPLE * PHOTOS_EACH):
        content, row = render_photo(config, number)
        (folder / f"{number}.jpg").write_bytes(content)
        image = decode_image(content)
        face = select_face(detector.detect(image), image.shape[:2], bundle.release.face_policy)
        embeddings.append(engine.embed(image[None], face.landmarks_px[None])[0])
        found = dict(zip(LANDMARK_COLUMNS, face.landmarks_px.reshape(-1).tolist(), strict=True))
        rows.append(
            found
            | {"path": f"{number}.jpg", "image_id": f"p{number}", "quality": 50.0}
            | {"subject_id": row["subject_id"]}
            | {"capture_kind": "id_photo" if number % PHOTOS_EACH == 0 else "gate"}
        )
    return EmbeddedPhotos(pd.DataFrame(rows), np.stack(embeddings), np.ones(len(rows), dtype=bool))
