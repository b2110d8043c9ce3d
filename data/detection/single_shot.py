"""Detectors that look at a picture once: canvas, network, decoding, one box a face."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data.detection.candidates import Candidates
from data.detection.canvas import Canvas
from data.detection.network import F32, Network
from data.face import DetectedFace, RgbU8


@dataclass(frozen=True, slots=True)
class Reading:
    """How a network is spoken to, and what counts."""

    network_input: Callable[[RgbU8], F32]
    """From a canvas (height, width, 3) to the network's input."""
    decode: Callable[[list[F32], tuple[int, int], float], Candidates]
    """From outputs, canvas size (height, width) and least score to candidates."""
    max_side_px: int
    multiple_px: int
    score_threshold: float
    overlap: float


class SingleShot:
    """YuNet, RetinaFace or SCRFD. Safe to call from several threads."""

    def __init__(self, network: Network, reading: Reading) -> None:
        self._network = network
        self._reading = reading

    def detect(self, image_rgb_u8: RgbU8) -> list[DetectedFace]:
        """All faces of a picture (height, width, 3), the most certain first."""
        reading = self._reading
        canvas = Canvas.fit(image_rgb_u8, reading.max_side_px, reading.multiple_px)
        shape_hw = canvas.image_rgb_u8.shape[0], canvas.image_rgb_u8.shape[1]
        outputs = self._network(reading.network_input(canvas.image_rgb_u8))
        found = reading.decode(outputs, shape_hw, reading.score_threshold)
        return found.best(reading.overlap).faces(canvas.per_pixel)

    def detect_batch(self, images_rgb_u8: Sequence[RgbU8]) -> list[list[DetectedFace]]:
        """The faces of each picture; one at a time, for these files take batches of one."""
        return [self.detect(image) for image in images_rgb_u8]
