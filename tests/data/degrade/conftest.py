"""A face of known place, drawn or rendered, to be degraded."""

import cv2
import numpy as np
import pytest

from data.face import LandmarksPx, RgbU8
from data.images import decode_image
from data.manifest import TRUE_LANDMARK_COLUMNS
from data.sources.campus.config import CampusConfig
from data.sources.campus.render import render_photo

Portrait = tuple[RgbU8, LandmarksPx]


@pytest.fixture(scope="session")
def portrait() -> Portrait:
    """One photo of the campus, small, and its true landmarks."""
    content, row = render_photo(CampusConfig(num_subjects=2, photos_per_subject=2, seed=5), 1)
    image = decode_image(content)
    landmarks = np.array([row[name] for name in TRUE_LANDMARK_COLUMNS], np.float32).reshape(5, 2)
    scale = 40.0 / float(np.linalg.norm(landmarks[1] - landmarks[0]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False), landmarks * np.float32(scale)
