"""What comes between face and camera: a hand, and hair."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.degrade.base import Change
from data.degrade.canvas import FaceCanvas
from data.degrade.face_frame import HAIRLINE, FaceFrame
from data.face import RgbU8

_TEXTURE_PX: Final = 320
_HAND_SPAN: Final = 3.2
"""Eye distances across the square that the hand is drawn in: it is 19 cm long."""
_LIMBS: Final = (
    # from x, y to x, y (of the square, 0 to 1), radius at either end: wrist, palm, thumb, fingers
    ((0.50, 1.10), (0.50, 0.72), 0.135, 0.150),
    ((0.44, 0.62), (0.57, 0.62), 0.150, 0.150),
    ((0.36, 0.68), (0.20, 0.45), 0.070, 0.045),
    ((0.36, 0.52), (0.33, 0.22), 0.050, 0.040),
    ((0.46, 0.50), (0.455, 0.13), 0.052, 0.041),
    ((0.56, 0.50), (0.58, 0.17), 0.051, 0.040),
    ((0.66, 0.55), (0.70, 0.30), 0.046, 0.035),
)
_PLACES: Final = {
    # where the middle of the hand comes to lie, and the angle that the fingers point at, in degrees
    "mouth": ((0.10, 1.25), 62.0),
    "left_cheek": ((-0.75, 0.85), 8.0),
    "right_cheek": ((0.75, 0.85), -8.0),
    "left_eye": ((-0.70, 0.05), 25.0),
    "right_eye": ((0.70, 0.05), -25.0),
}
_TRAVEL: Final = 2.4
"""Eye distances that the hand is away at severity 0."""
_NUM_LOCKS: Final = 22
_STRANDS_OF_A_LOCK: Final = 9


def hand(
    image_rgb_u8: RgbU8, frame: FaceFrame, severity: float, rng: np.random.Generator
) -> Change:
    """Move a hand of the face's own skin from outside over the mouth, a cheek or an eye."""
    place = str(rng.choice(sorted(_PLACES)))
    target, angle_deg = _PLACES[place]
    angle = np.deg2rad(angle_deg + rng.normal(0, 6))
    away = np.array([-np.sin(angle), np.cos(angle)]) * _TRAVEL * (1 - severity)
    canvas = FaceCanvas(image_rgb_u8, frame)
    height_map = _hand_height(rng)
    laid = _laid(canvas, height_map, np.add(target, away), angle)
    cover = np.clip(laid / 0.012, 0, 1)
    skin = _skin(canvas)
    canvas.darken(_shadow(canvas, cover), 0.5)
    shading = _shading(laid, canvas)
    canvas.paint(cover, np.clip(skin * shading[..., None], 0, 1).astype(np.float32))
    return Change(canvas.finish(), {"place": place})


def hair(
    image_rgb_u8: RgbU8, frame: FaceFrame, severity: float, rng: np.random.Generator
) -> Change:
    """Let locks of the head's own colour fall over forehead and one eye, longer and denser."""
    side = int(rng.choice([-1, 1]))
    canvas = FaceCanvas(image_rgb_u8, frame)
    colour = _hair_colour(canvas)
    outlines, tones = [], []
    for _ in range(_NUM_LOCKS):
        root, length = rng.uniform(-0.8, 1.0), 0.35 + rng.uniform(0.45, 1.0) * severity * 2.3
        sweep, tone = rng.normal(0.30, 0.10), rng.normal(1.0, 0.18)
        draws = rng.normal(size=(_STRANDS_OF_A_LOCK, 4)) * [0.06, 0.10 * length, 0.03, 0.30]
        for aside, longer, swept, lighter in draws:
            line = _strand(frame, side, root + aside, length + longer, sweep + swept)
            outlines.append(line)
            tones.append(np.clip(tone + lighter, 0.3, 2.2))
    canvas.paint_many(outlines, np.array(tones, np.float32)[:, None] * colour)
    return Change(canvas.finish(), {"side": "left" if side < 0 else "right"})


def _hand_height(rng: np.random.Generator) -> NDArray[np.float32]:
    """How far (320, 320) the hand stands out; 0 beside it."""
    y, x = np.mgrid[0:_TEXTURE_PX, 0:_TEXTURE_PX] / _TEXTURE_PX
    height = np.zeros((_TEXTURE_PX, _TEXTURE_PX))
    for start, end, radius0, radius1 in _LIMBS:
        tip = np.add(end, rng.normal(0, 0.008, 2))
        along = np.subtract(tip, start)
        share = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / (along @ along)
        share = np.clip(share, 0, 1)
        distance = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
        radius = radius0 + share * (radius1 - radius0)
        dome = np.sqrt(np.clip(1 - (distance / radius) ** 2, 0, 1)) * 0.06
        height = np.maximum(height, dome)
    return height.astype(np.float32)


def _laid(
    canvas: FaceCanvas, height: NDArray[np.float32], centre: NDArray[np.float64], angle: float
) -> NDArray[np.float32]:
    """Bring the hand into the picture, its middle at a point of the face."""
    pixels = canvas.coordinates() - centre.astype(np.float32)
    cosine, sine = np.cos(-angle), np.sin(-angle)
    x = pixels[..., 0] * cosine - pixels[..., 1] * sine
    y = pixels[..., 0] * sine + pixels[..., 1] * cosine
    scale = _TEXTURE_PX / _HAND_SPAN
    across = (x * scale + _TEXTURE_PX * 0.5).astype(np.float32)
    down = (y * scale + _TEXTURE_PX * 0.5).astype(np.float32)
    # Below the square the wrist goes on.
    down = np.where(down > _TEXTURE_PX - 2, _TEXTURE_PX - 2, down).astype(np.float32)
    return cv2.remap(height, across, down, cv2.INTER_LINEAR).astype(np.float32)


def _shading(height: NDArray[np.float32], canvas: FaceCanvas) -> NDArray[np.float32]:
    """Light from above on the hand's relief, dark where fingers meet."""
    unit_px = canvas.frame.unit_px
    soft = cv2.GaussianBlur(height, (0, 0), max(0.3, 0.015 * unit_px)).astype(np.float32)
    slope_y, slope_x = np.gradient(soft * _HAND_SPAN * unit_px)
    normal = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
    lit = 0.45 + 0.55 * normal * (1 + 0.25 * slope_y)
    return np.asarray(np.clip(lit, 0.3, 1.15), dtype=np.float32)


def _skin(canvas: FaceCanvas) -> NDArray[np.float32]:
    """Light (3,) from the face's cheeks; a hand is a little redder and darker."""
    cheeks = [canvas.sample(side * 0.5, 0.5, 0.1, 0.15) for side in (-1, 1)]
    return np.asarray(np.mean(cheeks, axis=0) * [0.96, 0.87, 0.83], dtype=np.float32)


def _shadow(canvas: FaceCanvas, cover: NDArray[np.float32]) -> NDArray[np.float32]:
    shift = round(0.08 * canvas.frame.unit_px)
    fallen = np.roll(cover, shift, axis=0)
    fallen[:shift] = 0
    return canvas.soften(fallen.astype(np.float32), 0.09)


def _hair_colour(canvas: FaceCanvas) -> NDArray[np.float32]:
    """Light (3,) of the darkest of hairline and brows, which hats and bald heads leave."""
    _, y, z = HAIRLINE
    places = [(x, y - rise) for x in (-0.6, 0.0, 0.6) for rise in (0.1, 0.3)]
    places += [(-0.5, -0.30), (0.5, -0.30)]
    found = [canvas.sample(x, height, z, 0.08, rank=0.2) for x, height in places]
    darkest = min(found, key=lambda light: float(light.sum()))
    natural = (darkest + darkest.mean()) / 2  # a red headband is no red hair
    return np.asarray(np.clip(natural, 0.008, 0.3), dtype=np.float32)


def _strand(
    frame: FaceFrame, side: int, root: float, length: float, sweep: float
) -> NDArray[np.float64]:
    """Outline (n, 2) of a wisp that starts at the hairline, bends to one side and tapers."""
    share = np.linspace(0, 1, 12)
    start_y = HAIRLINE[1] - 0.45 + 0.35 * root**2 + 2 * (sweep - 0.3)
    x = side * (root + sweep * length * share**1.5)
    y = start_y + length * share * (1 - 0.15 * share)
    half = 0.030 * np.sqrt(np.sin(np.pi * (0.02 + 0.96 * share)))
    left = np.column_stack([x - half, y, np.full(12, 0.1)])
    right = np.column_stack([x + half, y, np.full(12, 0.1)])
    return frame.project(np.vstack([left, right[::-1]]))
