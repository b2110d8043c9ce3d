"""The kernel's arithmetic in numpy, operation for operation in float32: the same bits.

Read it beside `device/`: each function here is one there, under the same name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.face import CROP_SIZE_PX, PIXEL_MEAN, PIXEL_SCALE, TEMPLATE_PX, LandmarksPx, RgbU8
from serving.alignment_kernel.constants import (
    MAX_SPREAD_PX2,
    MIN_CORRELATION,
    MIN_SPREAD_PX2,
    TAP_TOLERANCE,
)
from serving.alignment_kernel.fused import fma

F32: Final = np.float32
Plane = NDArray[np.float32]  # (112, 112)


@dataclass(frozen=True, slots=True)
class SamplingMap:
    """Crop pixel d comes from the picture at [[a, b], [-b, a]] (d - mean q) + mean."""

    a: np.float32
    b: np.float32
    mean_px: tuple[np.float32, np.float32]
    scale: np.float32
    """Picture pixels to a crop pixel."""
    is_face: bool


def align_faces(
    frames_rgb_u8: Sequence[RgbU8],
    landmarks_px: NDArray[np.float32],
    frame_index: NDArray[np.int32],
    max_taps_per_axis: int = 1,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Crops (n, 112, 112, 3) float32, scaled to [-1, 1], and is_face (n,).

    Landmarks (n, 5, 2) in pixels of the frame at `frame_index` (n,). Where the landmarks span no
    face, or the index names no frame, the crop is black (-1) and is_face false.
    """
    crops = np.full((len(landmarks_px), CROP_SIZE_PX, CROP_SIZE_PX, 3), normalise(F32(0)))
    is_face = np.zeros(len(landmarks_px), np.bool_)
    for face, (landmarks, index) in enumerate(zip(landmarks_px, frame_index, strict=True)):
        sampling = estimate(landmarks)
        is_face[face] = sampling.is_face and 0 <= index < len(frames_rgb_u8)
        if is_face[face]:
            grey = warp(frames_rgb_u8[index], sampling, max_taps_per_axis)
            crops[face] = normalise(grey)
    return crops, is_face


def estimate(landmarks_px: LandmarksPx) -> SamplingMap:
    """The closed form of `data.alignment`, inverted, in float32; from landmarks (5, 2)."""
    with np.errstate(all="ignore"):  # landmarks that are no face: NaN and infinity are the answer
        offsets = landmarks_px.astype(F32) - landmarks_px[0].astype(F32)
        shift = np.zeros(2, F32)
        for offset in offsets:
            shift = shift + offset
        shift = shift * F32(1 / len(offsets))
        a, b, spread = _sums(offsets - shift)
        correlation = fma(a, a, b * b)
        is_face = (
            (spread > F32(MIN_SPREAD_PX2))
            & (spread < F32(MAX_SPREAD_PX2))
            & (correlation > F32(MIN_CORRELATION))
        )
        ratio = spread / correlation
        mean_x, mean_y = landmarks_px[0].astype(F32) + shift
        scale = F32(ratio * np.sqrt(correlation))
        return SamplingMap(F32(a * ratio), F32(b * ratio), (mean_x, mean_y), scale, bool(is_face))


def _sums(centred: NDArray[np.float32]) -> tuple[np.float32, np.float32, np.float32]:
    template = TEMPLATE_PX.astype(np.float64)
    a = b = spread = F32(0)
    for (px, py), (qx, qy) in zip(centred, (template - template.mean(0)).astype(F32), strict=True):
        a = F32(fma(px, qx, fma(py, qy, a)))
        b = F32(fma(px, qy, fma(-py, qx, b)))
        spread = F32(fma(px, px, fma(py, py, spread)))
    return a, b, spread


def warp(
    frame_rgb_u8: RgbU8, sampling: SamplingMap, max_taps_per_axis: int = 1
) -> NDArray[np.float32]:
    """(112, 112, 3) grey levels 0 to 255, not rounded; black outside the frame."""
    taps = taps_per_axis(sampling.scale, max_taps_per_axis) if max_taps_per_axis > 1 else 1
    step = F32(1) / F32(taps)
    mean_x, mean_y = TEMPLATE_PX.astype(np.float64).mean(0).astype(F32)
    y, x = np.mgrid[:CROP_SIZE_PX, :CROP_SIZE_PX].astype(F32)
    total = np.zeros((CROP_SIZE_PX, CROP_SIZE_PX, 3), F32)
    for row in range(taps):
        dy = (y - mean_y) + fma(F32(row) + F32(0.5), step, F32(-0.5))
        for column in range(taps):
            dx = (x - mean_x) + fma(F32(column) + F32(0.5), step, F32(-0.5))
            source_x = fma(sampling.a, dx, fma(sampling.b, dy, sampling.mean_px[0]))
            source_y = fma(-sampling.b, dx, fma(sampling.a, dy, sampling.mean_px[1]))
            total = total + sample(frame_rgb_u8, source_x, source_y)
    return np.asarray(total * (step * step))


def taps_per_axis(scale: np.float32, max_taps_per_axis: int) -> int:
    """Bilinear samples an axis that leave no hole in a crop pixel's footprint, ceil(scale / 2)."""
    wanted = float(np.ceil(fma(scale, F32(0.5), F32(-TAP_TOLERANCE))))
    return int(max(1.0, min(wanted, float(max_taps_per_axis))))


def sample(frame_rgb_u8: RgbU8, x: Plane, y: Plane) -> NDArray[np.float32]:
    """Bilinear samples (112, 112, 3) at picture coordinates x and y; black outside."""
    height, width, _ = frame_rgb_u8.shape
    inside = (x > -1) & (x < F32(width)) & (y > -1) & (y < F32(height))
    x, y = np.where(inside, x, F32(0)), np.where(inside, y, F32(0))
    left, top = np.floor(x), np.floor(y)
    x0, y0 = left.astype(np.int64), top.astype(np.int64)
    right_share, lower_share = (x - left)[..., None], (y - top)[..., None]
    upper = _between(_texel(frame_rgb_u8, x0, y0), _texel(frame_rgb_u8, x0 + 1, y0), right_share)
    lower = _between(
        _texel(frame_rgb_u8, x0, y0 + 1), _texel(frame_rgb_u8, x0 + 1, y0 + 1), right_share
    )
    return np.where(inside[..., None], _between(upper, lower, lower_share), F32(0))


def _texel(frame: RgbU8, x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.float32]:
    height, width, _ = frame.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    texels = np.zeros((*x.shape, 3), F32)
    texels[inside] = frame[y[inside], x[inside]]
    return texels


def _between(start: Plane, end: Plane, share: Plane) -> NDArray[np.float32]:
    return fma(share, end - start, start)


def normalise(grey_levels: NDArray[np.float32] | np.float32) -> NDArray[np.float32]:
    """As `data.face.network_input`, with a product in place of its division."""
    return np.asarray((grey_levels - F32(PIXEL_MEAN)) * F32(1 / PIXEL_SCALE))
