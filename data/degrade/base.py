"""What an operator takes and gives, and light as a sensor sees it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.degrade.face_frame import FaceFrame
from data.errors import DataError
from data.face import RgbU8

Linear = NDArray[np.float32]  # (height, width, 3), 0 black to 1 white, proportional to light
Facts = dict[str, str | float | bool]


class DegradeError(DataError):
    """A degradation is asked for that does not exist, or of a face that is none."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an operator made of a picture."""

    image_rgb_u8: RgbU8
    facts: Facts = field(default_factory=dict)
    """What was drawn for it, such as the shape and colour of a mask."""
    matrix: NDArray[np.float64] | None = None
    """(2, 3), where pixels went; None where the face stays in its place."""


Operator = Callable[[RgbU8, FaceFrame, float, np.random.Generator], Change]
"""(picture, face, severity above 0 and up to 1, draws) -> change; draws do not see the severity."""


def _decoding() -> NDArray[np.float32]:
    grey = np.arange(256) / 255
    return np.where(grey <= 0.04045, grey / 12.92, ((grey + 0.055) / 1.055) ** 2.4).astype("f4")


_DECODING: Final = _decoding()


def to_linear(image_rgb_u8: RgbU8) -> Linear:
    """Undo sRGB's encoding (IEC 61966-2-1), so that sums of pixels are sums of light."""
    return _DECODING[image_rgb_u8]


def to_srgb_u8(light: Linear) -> RgbU8:
    """Encode light (height, width, 3) as sRGB; what is above white clips."""
    light = np.clip(light, 0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    srgb: RgbU8 = np.rint(encoded * 255).astype(np.uint8)
    return srgb


def luminance(light: Linear) -> NDArray[np.float32]:
    """Luminance (height, width) of linear light (BT.709)."""
    return light @ np.array([0.2126, 0.7152, 0.0722], np.float32)
