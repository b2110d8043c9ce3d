"""MTCNN (Zhang et al. 2016): three small networks that find faces and their five landmarks.

P-Net looks at every place of a picture pyramid, R-Net and O-Net look again at what is left. The
networks are run by ONNX Runtime; everything between them is here and in `data.detection.boxes`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from data.detection.boxes import Boxes, Scores, cut, shift, suppress, whole_squares, zoom
from data.detection.config import DetectorConfig
from data.detection.mtcnn_graphs import Graph
from data.face import DetectedFace, RgbU8

_CELL_PX: Final = 12
"""P-Net looks at 12 x 12 windows,"""
_STRIDE_PX: Final = 2
"""two pixels apart."""
_REFINE_PX: Final = 24
_OUTPUT_PX: Final = 48
_LANDMARK_ZOOM: Final = 0.9
_MIRRORED: Final = [1, 0, 2, 4, 3]
"""Where each landmark finds itself in a mirror."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Boxes with their scores."""

    boxes: Boxes
    scores: Scores

    def best(self, limit: float) -> "_Found":
        kept = suppress(self.boxes, self.scores, limit)
        return _Found(self.boxes[kept], self.scores[kept])


class Mtcnn:
    """The detector. Safe to call from several threads: nothing is kept between calls."""

    def __init__(
        self, proposal: Graph, refine: Graph, output: Graph, config: DetectorConfig
    ) -> None:
        self._proposal = proposal
        self._refine = refine
        self._output = output
        self.config = config

    @classmethod
    def from_folder(cls, folder: Path, config: DetectorConfig) -> Self:
        """Load `pnet.onnx`, `rnet.onnx` and `onet.onnx`.

        Raises `WeightsError` where a file is missing or not the pinned one.
        """
        pnet, rnet, onet = (
            Graph(folder, name, config.threads) for name in ("pnet.onnx", "rnet.onnx", "onet.onnx")
        )
        return cls(pnet, rnet, onet, config)

    def detect(self, image_rgb_u8: RgbU8) -> list[DetectedFace]:
        """All faces of a picture (height, width, 3), the most certain first."""
        height, width = image_rgb_u8.shape[:2]
        image = _shrink(image_rgb_u8, self.config.max_side_px / max(height, width))
        found = self._output_stage(image, self._refine_stage(image, self._proposals(image)))
        landmarks = self._landmarks(image, found.boxes)
        per_pixel = np.array([width / image.shape[1], height / image.shape[0]], np.float32)
        return [
            _face(box, points, score, per_pixel)
            for box, points, score in zip(found.boxes, landmarks, found.scores, strict=True)
        ]

    def _proposals(self, image: RgbU8) -> _Found:
        levels = [_Found(np.empty((0, 4), np.float32), np.empty(0, np.float32))]
        scale = _CELL_PX / self.config.min_face_px
        level = _shrink(image, scale)
        while min(level.shape[:2]) >= _CELL_PX:
            levels.append(self._proposals_of_level(level, image))
            scale *= self.config.scale_factor
            level = _resize(level, image.shape, scale)
        boxes = np.concatenate([found.boxes for found in levels])
        scores = np.concatenate([found.scores for found in levels])
        return _Found(boxes, scores).best(self.config.overlap)

    def _proposals_of_level(self, level: RgbU8, image: RgbU8) -> _Found:
        face, box_offsets = (output[0] for output in self._proposal(level[None]))
        rows, columns = np.nonzero(face > self.config.proposal_threshold)
        corners = np.stack([columns, rows], 1).astype(np.float32) * _STRIDE_PX
        cells = np.hstack([corners, corners + _CELL_PX])
        per_pixel = np.array([image.shape[1] / level.shape[1], image.shape[0] / level.shape[0]])
        boxes = shift(cells, box_offsets[rows, columns]) * np.tile(per_pixel, 2)
        found = _Found(boxes.astype(np.float32), face[rows, columns])
        return found.best(self.config.level_overlap)

    def _refine_stage(self, image: RgbU8, found: _Found) -> _Found:
        squares = whole_squares(found.boxes)
        if not len(squares):
            return found
        face, box_offsets = self._refine(cut(image, squares, _REFINE_PX))
        sure = face > self.config.refine_threshold
        return _Found(shift(squares, box_offsets)[sure], face[sure]).best(self.config.overlap)

    def _output_stage(self, image: RgbU8, found: _Found) -> _Found:
        squares = whole_squares(found.boxes)
        if not len(squares):
            return found
        face, box_offsets, _ = self._output(cut(image, squares, _OUTPUT_PX))
        sure = face > self.config.output_threshold
        boxes, scores = shift(squares, box_offsets)[sure], face[sure]
        kept = suppress(boxes, scores, self.config.overlap, over_smaller=True)
        return _Found(boxes[kept], scores[kept])

    def _landmarks(self, image: RgbU8, boxes: Boxes) -> NDArray[np.float32]:
        """Landmarks (n, 5, 2) of the boxes, between pixel edges, out of a look of their own.

        The last stage also answers with landmarks, but for boxes that it is about to move. Looking
        again at the moved box, a little closer, and averaging with the look at its mirror image
        halves the jitter of the landmarks (photo against mirrored photo).
        """
        squares = whole_squares(zoom(boxes, _LANDMARK_ZOOM))
        if not len(squares):
            return np.empty((0, 5, 2), np.float32)
        crops = cut(image, squares, _OUTPUT_PX)
        both = np.concatenate([crops, crops[:, :, ::-1]])
        shares = self._output(both)[2].reshape(2, -1, 2, 5).transpose(0, 1, 3, 2)
        mirrored = np.array([1, 0], np.float32) + shares[1][:, _MIRRORED] * np.array(
            [-1, 1], np.float32
        )
        corners, sizes = squares[:, None, :2], squares[:, None, 2:] - squares[:, None, :2]
        return np.asarray(corners + (shares[0] + mirrored) / 2 * sizes, dtype=np.float32)


def _resize(image: RgbU8, shape: tuple[int, ...], scale: float) -> RgbU8:
    size = max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))
    resized: RgbU8 = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(
        np.uint8, copy=False
    )
    return resized


def _shrink(image: RgbU8, scale: float) -> RgbU8:
    return _resize(image, image.shape, scale) if scale < 1 else image


def _face(
    box: NDArray[np.float32],
    landmarks: NDArray[np.float32],
    score: np.float32,
    per_pixel: NDArray[np.float32],
) -> DetectedFace:
    x0, y0, x1, y1 = (float(edge) for edge in box * np.tile(per_pixel, 2))
    centres = landmarks * per_pixel - np.float32(0.5)
    return DetectedFace((x0, y0, x1, y1), centres, float(score))
