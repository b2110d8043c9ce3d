"""Figures that are read off the picture of a face, each in its own unit."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.face import LandmarksPx, RgbU8, eye_distance_px
from data.quality.regions import (
    CHEEKS,
    EYES,
    FACE,
    FOREHEAD,
    MOUTH_HALVES,
    SKIN,
    Region,
    face_mask,
)

_DARK: Final = 25
_BRIGHT: Final = 247
_CONTRAST_FLOOR: Final = 5.0  # in grey levels; keeps the ratios of a flat picture finite
_BALANCE_BINS: Final = 32
_BLOCK_PX: Final = 8  # of JPEG
_BLOCK_WINDOW_PX: Final = 192

GreyU8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CropMeasures:
    """What an aligned crop tells."""

    sharpness: float
    """Variance of the Laplacian of the crop's luma (Pech-Pacheco et al. 2000)."""
    detail: float
    """Fine structure of the face over its contrast: standard deviation of the Laplacian of the
    Gaussian (1 pixel), over the luma's. A dim or a flat picture is no blurred one."""
    brightness: float
    """Mean luma of the crop (BT.601), 0 to 255."""
    contrast: float
    """Standard deviation of the crop's luma."""
    dark_share: float
    """Share of the face with a luma of 25 or less."""
    bright_share: float
    """Share of the face with a luma of 247 or more."""
    entropy_bits: float
    """Entropy of the face's luma, 0 to 8: how much of the range is used."""
    light_balance: float
    """What the histograms of both cheeks have in common, 0 to 1: 1 is light from the front."""
    eye_texture: float
    """Horizontal edges in the eye that shows fewer, over the contrast of the face."""
    mouth_texture: float
    """Horizontal edges in the half of the mouth that shows fewer, over the face's contrast."""
    skin_shift: float
    """Largest distance in colour (Lab, without L) of a part of the face from the forehead."""


def measure_crop(crop_rgb_u8: RgbU8) -> CropMeasures:
    """Measure an aligned crop (112, 112, 3)."""
    luma: GreyU8 = cv2.cvtColor(crop_rgb_u8, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    brightness, contrast = _mean_and_sd(luma)
    face_contrast = _mean_and_sd(FACE.of(luma))[1] + _CONTRAST_FLOOR
    histogram = cv2.calcHist([luma], [0], _face_mask(), [256], [0, 256]).ravel()
    shares = histogram / histogram.sum()
    edges = cv2.Sobel(luma, cv2.CV_16S, 0, 1).astype(np.int16, copy=False)
    return CropMeasures(
        sharpness=_mean_and_sd(cv2.Laplacian(luma, cv2.CV_16S))[1] ** 2,
        detail=_detail(luma) / face_contrast,
        brightness=brightness,
        contrast=contrast,
        dark_share=float(shares[: _DARK + 1].sum()),
        bright_share=float(shares[_BRIGHT:].sum()),
        entropy_bits=_entropy_bits(shares),
        light_balance=_light_balance(luma),
        eye_texture=_least_texture(edges, EYES) / face_contrast,
        mouth_texture=_least_texture(edges, MOUTH_HALVES) / face_contrast,
        skin_shift=_skin_shift(crop_rgb_u8),
    )


def blockiness(image_rgb_u8: RgbU8, landmarks_px: LandmarksPx) -> float:
    """How much larger steps are across one line in eight than across the others; 1 is none.

    JPEG codes blocks of 8 x 8 pixels, so strong compression shows as a grid (after Wang, Bovik and
    Evan 2000). Looked at around the face in the picture, for a crop has other pixels.
    """
    centre = landmarks_px.mean(0)
    reach = int(np.clip(2 * eye_distance_px(landmarks_px), 24, _BLOCK_WINDOW_PX // 2))
    height, width = image_rgb_u8.shape[:2]
    x, y = (int(c) for c in np.clip(centre, 0, (width - 1, height - 1)))
    window = image_rgb_u8[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
    if min(window.shape[:2]) <= 2 * _BLOCK_PX:
        return 1.0
    luma = cv2.cvtColor(window, cv2.COLOR_RGB2GRAY)
    steps = (
        cv2.absdiff(luma[:, 1:], luma[:, :-1]).mean(0),
        cv2.absdiff(luma[1:], luma[:-1]).mean(1),
    )
    return float(np.sqrt(np.prod([_grid_ratio(lines) for lines in steps])))


def _grid_ratio(steps: NDArray[np.float64]) -> float:
    phases = steps[: len(steps) // _BLOCK_PX * _BLOCK_PX].reshape(-1, _BLOCK_PX).mean(0)
    return float((phases.max() + 1) / (np.median(phases) + 1))


@cache
def _face_mask() -> GreyU8:
    mask = face_mask()
    mask.setflags(write=False)
    return mask


def _mean_and_sd(values: NDArray[np.integer | np.floating]) -> tuple[float, float]:
    mean, deviation = cv2.meanStdDev(values)
    return float(mean[0, 0]), float(deviation[0, 0])


def _detail(luma: GreyU8) -> float:
    # In float32: rounded to bytes, the smooth shades of a blurred face would have edges.
    soft = cv2.GaussianBlur(luma.astype(np.float32), (7, 7), 1.0)
    return _mean_and_sd(FACE.of(cv2.Laplacian(soft, cv2.CV_32F)))[1]


def _entropy_bits(shares: NDArray[np.float32]) -> float:
    used = shares[shares > 0]
    return float(-(used * np.log2(used)).sum())


def _light_balance(luma: GreyU8) -> float:
    shares = []
    for cheek in CHEEKS:
        patch = np.ascontiguousarray(cheek.of(luma))
        counts = cv2.calcHist([patch], [0], None, [_BALANCE_BINS], [0, 256]).ravel()
        shares.append(counts / patch.size)
    return float(np.minimum(*shares).sum())


def _least_texture(edges: NDArray[np.int16], regions: tuple[Region, Region]) -> float:
    return min(float(np.abs(region.of(edges)).mean()) for region in regions)


def _skin_shift(crop_rgb_u8: RgbU8) -> float:
    lab = cv2.cvtColor(crop_rgb_u8, cv2.COLOR_RGB2LAB).astype(np.uint8, copy=False)
    chroma = lab[..., 1:]
    forehead = _median_chroma(chroma, (FOREHEAD,))
    parts = (_median_chroma(chroma, regions) for regions in SKIN)
    return max(float(np.hypot(*(part - forehead))) for part in parts)


def _median_chroma(chroma: NDArray[np.uint8], regions: tuple[Region, ...]) -> NDArray[np.float64]:
    pixels = np.concatenate([region.of(chroma).reshape(-1, 2) for region in regions])
    middle = len(pixels) // 2
    median: NDArray[np.float64] = np.partition(pixels, middle, axis=0)[middle].astype(np.float64)
    return median
