"""Where things are in an aligned crop, in crop pixels.

All regions lie symmetric about the middle of the eyes, so that a mirrored face measures the same.
"""

from typing import Final, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from data.face import CROP_SIZE_PX

_Number = TypeVar("_Number", bound=np.number)


class Region(NamedTuple):
    """A rectangle; the ends are exclusive."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, crop: NDArray[_Number]) -> NDArray[_Number]:
        """Cut it out of a crop (112, 112) or (112, 112, channels)."""
        return crop[self.top : self.bottom, self.left : self.right]


FACE: Final = Region(40, 100, 22, 90)
"""Brows to chin and cheek to cheek: little hair, no background."""
EYES: Final = (Region(44, 60, 26, 50), Region(44, 60, 62, 86))
MOUTH_HALVES: Final = (Region(84, 101, 42, 56), Region(84, 101, 56, 70))
CHEEKS: Final = (Region(45, 95, 22, 52), Region(45, 95, 60, 90))
"""Left and right half of the face without the nose, whose shadow is no fault of the light."""
FOREHEAD: Final = Region(22, 36, 40, 72)
SKIN: Final = (
    (Region(60, 72, 24, 40), Region(60, 72, 72, 88)),  # upper cheeks
    (Region(80, 100, 24, 38), Region(80, 100, 74, 88)),  # jaws
    (Region(98, 110, 41, 71),),  # chin
    (Region(44, 60, 28, 48), Region(44, 60, 64, 84)),  # eyes
)
"""Parts whose colour should be near the forehead's, each of one or two rectangles."""


def face_mask() -> NDArray[np.uint8]:
    """255 inside an ellipse around the face, 0 outside; (112, 112)."""
    mask = np.zeros((CROP_SIZE_PX, CROP_SIZE_PX), np.uint8)
    cv2.ellipse(mask, (56, 66), (38, 48), 0, 0, 360, 255, -1)
    return mask
