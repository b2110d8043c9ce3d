"""What is behind and below the head: rooms, halls, booths, and clothes."""

import cv2
import numpy as np
from numpy.typing import NDArray

from data.sources.campus.canvas import Rgb, to_linear
from data.sources.campus.capture import Capture
from data.sources.campus.grid import FloatMap, soften
from data.sources.campus.pose import Camera


def _booth(rng: np.random.Generator, height: int, width: int) -> FloatMap:
    colours: tuple[Rgb, ...] = (
        (0.9, 0.9, 0.9),
        (0.72, 0.8, 0.88),
        (0.8, 0.8, 0.78),
        (0.6, 0.68, 0.78),
    )
    wall = np.asarray(to_linear(colours[int(rng.integers(len(colours)))]), dtype=np.float32)
    slope = np.linspace(1.05, 0.9, height, dtype=np.float32)[:, None, None]
    return np.asarray(np.broadcast_to(wall * slope, (height, width, 3)).copy())


def _room(rng: np.random.Generator, height: int, width: int, boxes: int) -> FloatMap:
    """Furniture, doors and windows as blurred boxes, at a quarter of the size."""
    h, w = height // 4, width // 4
    picture = np.empty((h, w, 3), np.float32)
    base = rng.uniform(0.08, 0.5) * np.array([1.0, rng.uniform(0.9, 1.02), rng.uniform(0.8, 1.05)])
    picture[:] = base
    for _ in range(boxes):
        x, y = rng.integers(-w // 4, w), rng.integers(-h // 4, h)
        bw, bh = rng.integers(w // 12, w // 2), rng.integers(h // 12, int(h * 0.9))
        colour = rng.uniform(0.02, 0.75) * (1 + rng.uniform(-0.25, 0.25, 3))
        cv2.rectangle(
            picture, (int(x), int(y)), (int(x + bw), int(y + bh)), [float(c) for c in colour], -1
        )
    soft = soften(picture, float(rng.uniform(0.8, 3.5)))
    return np.asarray(
        cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32
    )


def background(capture: Capture, rng: np.random.Generator) -> FloatMap:
    """Linear RGB (height, width, 3) of what is behind the student."""
    size = (capture.height_px, capture.width_px)
    if capture.kind == "id_photo":
        return _booth(rng, *size)
    return _room(rng, *size, boxes=14 if capture.kind == "gate" else 9)


def _body_outline(camera: Camera, shoulder_cm: float, slope: float) -> NDArray[np.float64]:
    x = np.array([-1.0, -0.97, -0.85, -0.55, -0.28, 0.28, 0.55, 0.85, 0.97, 1.0]) * shoulder_cm
    y = -14.0 - np.array([24, 9, 5.2, 3.0, 0.8, 0.8, 3.0, 5.2, 9, 24]) * slope
    cx, cy = camera.centre_px
    return np.column_stack([cx + x * camera.px_per_cm, cy - y * camera.px_per_cm])


def _fill(picture: FloatMap, mask: NDArray[np.uint8], colour: NDArray[np.float32]) -> None:
    x, y, w, h = cv2.boundingRect(mask)
    window = (slice(y, y + h), slice(x, x + w))
    cover = mask[window][..., None].astype(np.float32) / 255
    patch = picture[window]
    patch += (colour - patch) * cover


def draw_body(picture: FloatMap, camera: Camera, skin: Rgb, rng: np.random.Generator) -> None:
    """Paint shoulders and neckline onto linear RGB in place."""
    cloth = np.asarray(to_linear(_cloth_srgb(rng)), dtype=np.float32)
    outline = _body_outline(camera, float(rng.uniform(19, 23)), float(rng.uniform(0.85, 1.1)))
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    (cx, cy), scale = camera.centre_px, camera.px_per_cm
    _fill(picture, mask, cloth)

    mask[:] = 0
    centre = (round(cx * 16), round((cy + 14.9 * scale) * 16))
    axes = (round(6.2 * scale * 16), round(float(rng.uniform(1.2, 3.5)) * scale * 16))
    cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1, cv2.LINE_AA, 4)
    _fill(picture, mask, np.asarray(skin, dtype=np.float32) * np.float32(0.6))


def _cloth_srgb(rng: np.random.Generator) -> Rgb:
    grey, tint = float(rng.uniform(0.08, 0.85)), rng.uniform(-0.16, 0.16, 3)
    r, g, b = np.clip(grey + tint, 0.04, 0.92)
    return float(r), float(g), float(b)


def backlight(picture: FloatMap, ambient: float) -> None:
    """Scale the surroundings to the ambient light, in place."""
    picture *= np.float32(0.55 + ambient)
