"""A second look at a picture in which no face was found, with its contrast equalised.

Detectors were trained on few dark faces in little light, and miss those first: a fault that no
photographer is to blame for and that always hits the same people. Local equalisation of the
lightness (CLAHE, Zuiderveld 1994) shows the detector what is there. Only detection sees the
equalised picture; the crop is cut from the photo as it is.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from data.detection.base import Detector
from data.face import DetectedFace, RgbU8

_CLIP_LIMIT: Final = 3.0
_TILES: Final = (8, 8)


class SecondTry:
    """A detector that looks twice where it first finds nobody."""

    def __init__(self, detector: Detector) -> None:
        """Take the detector that looks."""
        self._detector = detector

    def detect(self, image_rgb_u8: RgbU8) -> list[DetectedFace]:
        """All faces of one picture (height, width, 3), the most certain first."""
        faces = self._detector.detect(image_rgb_u8)
        return faces or self._detector.detect(equalised(image_rgb_u8))

    def detect_batch(self, images_rgb_u8: Sequence[RgbU8]) -> list[list[DetectedFace]]:
        """The faces of each of several pictures, as `detect` finds them."""
        found = self._detector.detect_batch(images_rgb_u8)
        missed = [position for position, faces in enumerate(found) if not faces]
        again = self._detector.detect_batch([equalised(images_rgb_u8[i]) for i in missed])
        for position, faces in zip(missed, again, strict=True):
            found[position] = faces
        return found


def equalised(image_rgb_u8: RgbU8) -> RgbU8:
    """The picture with its lightness (CIE L*) equalised tile by tile, its colours kept."""
    lab = cv2.cvtColor(image_rgb_u8, cv2.COLOR_RGB2LAB)
    # An object for each call: OpenCV's keeps its tiles, and callers share this function.
    lab[..., 0] = cv2.createCLAHE(_CLIP_LIMIT, _TILES).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).astype(np.uint8, copy=False)
