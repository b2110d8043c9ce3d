"""A drawn face that the real detector finds, and the detector itself, built once."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.detection.config import MtcnnConfig
from data.detection.mtcnn import Mtcnn
from data.detection.mtcnn_weights import build_mtcnn
from data.face import LandmarksPx, RgbU8

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Drawing:
    """A picture of one face and where its landmarks are."""

    image_rgb_u8: RgbU8
    landmarks_px: LandmarksPx


_BRUSHES = (
    # centre x and y, half axes (all in eye distances), colour; painted in this order
    (0.00, -0.35, 1.12, 1.25, (60, 45, 35)),  # hair
    (0.00, 0.10, 0.98, 1.30, (214, 170, 140)),  # face
    *((side * 0.50, -0.58, 0.30, 0.060, (70, 50, 40)) for side in (-1, 1)),  # brows
    *((side * 0.50, -0.32, 0.24, 0.130, (190, 145, 120)) for side in (-1, 1)),  # sockets
    *((side * 0.50, -0.30, 0.19, 0.085, (245, 245, 245)) for side in (-1, 1)),  # eyes
    *((side * 0.50, -0.30, 0.085, 0.085, (50, 35, 30)) for side in (-1, 1)),  # irises
    *((side * 0.12, 0.30, 0.06, 0.040, (130, 80, 70)) for side in (-1, 1)),  # nostrils
    (0.00, 0.05, 0.09, 0.32, (222, 182, 154)),  # bridge of the nose
    (0.00, 0.22, 0.16, 0.10, (205, 155, 128)),  # tip of the nose
    (0.00, 0.68, 0.36, 0.11, (175, 90, 90)),  # lips
    (0.00, 0.68, 0.36, 0.02, (110, 50, 50)),  # mouth
)
_LANDMARKS = ((-0.5, -0.3), (0.5, -0.3), (0.0, 0.25), (-0.36, 0.68), (0.36, 0.68))


def paint_face(image_rgb_u8: RgbU8, centre_px: tuple[float, float], eyes_px: float) -> LandmarksPx:
    """Paint a face with the given eye distance into a picture; returns its landmarks."""
    eighths = 8  # cv2 takes coordinates in fractions of a pixel as integers
    for x, y, half_width, half_height, colour in _BRUSHES:
        centre = [
            round((c + v * eyes_px) * eighths) for c, v in zip(centre_px, (x, y), strict=True)
        ]
        axes = [max(eighths, round(v * eyes_px * eighths)) for v in (half_width, half_height)]
        cv2.ellipse(image_rgb_u8, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA, 3)
    return np.add(np.multiply(_LANDMARKS, eyes_px), centre_px).astype(np.float32)


@pytest.fixture(scope="session")
def draw_face() -> Callable[..., Drawing]:
    """Draw one face: size of the picture (height, width), centre of the face, eye distance."""

    def draw(
        shape_hw: tuple[int, int] = (240, 320),
        centre_px: tuple[float, float] = (160.0, 120.0),
        eyes_px: float = 40.0,
    ) -> Drawing:
        image = np.full((*shape_hw, 3), (120, 130, 140), np.uint8)
        landmarks = paint_face(image, centre_px, eyes_px)
        soft = cv2.GaussianBlur(image, (0, 0), eyes_px * 0.03).astype(np.uint8)
        return Drawing(soft, landmarks)

    return draw


@pytest.fixture(scope="session")
def mtcnn_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three graph files, built once. Shared: copy it before you change it."""
    folder = tmp_path_factory.mktemp("mtcnn")
    build_mtcnn(folder)
    return folder


@pytest.fixture(scope="session")
def mtcnn(mtcnn_folder: Path) -> Mtcnn:
    return Mtcnn.from_folder(mtcnn_folder, MtcnnConfig())


@pytest.fixture(scope="session")
def weights_folder() -> Path:
    """Pretrained weights; the test is skipped where they are absent."""
    folder = Path(os.environ.get("EXAMGATE_WEIGHTS_DIR", REPOSITORY / "../shared/weights"))
    if not (folder / "detect").is_dir():
        pytest.skip(f"no detectors in {folder}; set EXAMGATE_WEIGHTS_DIR")
    return folder


@pytest.fixture(scope="session")
def lfw_folder() -> Path:
    """LFW with its landmarks; the test is skipped where it is absent."""
    root = Path(os.environ.get("EXAMGATE_DATA_DIR", REPOSITORY / "../shared/data"))
    folder = root / "lfw"
    if not (folder / "meta.csv").is_file():
        pytest.skip(f"no LFW in {folder}; set EXAMGATE_DATA_DIR")
    return folder
