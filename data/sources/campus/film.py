"""From light to file: exposure, tone curve, blur, noise, JPEG."""

import cv2
import numpy as np

from data.errors import SourceError
from data.face import RgbU8
from data.sources.campus.capture import Film
from data.sources.campus.grid import FloatMap


def develop(light: FloatMap, film: Film, metering: float) -> RgbU8:
    """Turn linear RGB into sRGB uint8 by the metered gain, a soft shoulder and gamma 2.2."""
    gain = np.float32(1.5 * film.exposure_gain * metering)
    gains = np.asarray(film.channel_gain, dtype=np.float32) * gain
    exposed = np.float32(1) - cv2.exp(light * -gains)
    return np.asarray(cv2.convertScaleAbs(cv2.pow(exposed, 1 / 2.2), alpha=255.0))


def _motion_kernel(length_px: float, angle_deg: float) -> FloatMap:
    size = int(np.ceil(length_px)) | 1
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    dx, dy = np.cos(np.radians(angle_deg)) * middle, np.sin(np.radians(angle_deg)) * middle
    ends = [(round(middle + k * dx), round(middle + k * dy)) for k in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def blur(picture: RgbU8, film: Film) -> RgbU8:
    """Lens and motion blur."""
    out: RgbU8 = picture
    if film.defocus_px > 0:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), film.defocus_px), dtype=np.uint8)
    if film.motion_px > 1:
        kernel = _motion_kernel(film.motion_px, film.motion_angle_deg)
        out = np.asarray(cv2.filter2D(out, -1, kernel), dtype=np.uint8)
    return out


def grain(picture: RgbU8, film: Film, rng: np.random.Generator) -> RgbU8:
    """Sensor noise: mostly in brightness, some in colour."""
    height, width = picture.shape[:2]
    bright = rng.standard_normal((height, width), dtype=np.float32) * np.float32(film.noise_sd)
    coarse = (height // 3, width // 3, 3)
    colour = rng.standard_normal(coarse, dtype=np.float32) * np.float32(0.5 * film.noise_sd)
    noise = cv2.resize(colour, (width, height), interpolation=cv2.INTER_LINEAR)
    noise = cv2.add(noise, cv2.merge([bright] * 3))
    return np.asarray(cv2.add(picture, noise, dtype=cv2.CV_8U))


def encode(picture: RgbU8, film: Film) -> bytes:
    """JPEG bytes; raises `SourceError` where the encoder fails."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    ok, content = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, film.jpeg_quality])
    if not ok:
        raise SourceError("campus: a rendered photo could not be written as JPEG")
    return bytes(content.tobytes())
