"""What any face detector must do."""

from collections.abc import Sequence
from typing import Protocol

from data.face import DetectedFace, RgbU8


class Detector(Protocol):
    """Finds faces in a picture. Safe to call from several threads."""

    def detect(self, image_rgb_u8: RgbU8) -> list[DetectedFace]:
        """All faces of one picture (height, width, 3), the most certain first."""
        ...

    def detect_batch(self, images_rgb_u8: Sequence[RgbU8]) -> list[list[DetectedFace]]:
        """The faces of each of several pictures of any sizes, as `detect` finds them."""
        ...
