"""MTCNN (Zhang et al. 2016): three small networks that find faces and their five landmarks.

P-Net looks at every place of a picture pyramid, R-Net and O-Net look again at what is left. The
networks are run by ONNX Runtime; everything between them is here and in `data.detection.boxes`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from data.detection.batches import equal_sizes
from data.detection.boxes import Boxes, Scores, cut, shift, suppress, whole_squares, zoom
from data.detection.candidates import Candidates, Points
from data.detection.canvas import resize, shrink
from data.detection.config import MtcnnConfig
from data.detection.mtcnn_graphs import open_graph
from data.detection.network import F32, Network
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
_PIXELS_AT_ONCE: Final = 1 << 21
"""Pictures of one size are run together up to this; P-Net needs some 100 bytes for each pixel."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Boxes of one picture with their scores."""

    boxes: Boxes
    scores: Scores

    def best(self, limit: float, *, over_smaller: bool = False) -> "_Found":
        kept = suppress(self.boxes, self.scores, limit, over_smaller=over_smaller)
        return _Found(self.boxes[kept], self.scores[kept])


class Mtcnn:
    """The detector. Safe to call from several threads: nothing is kept between calls."""

    def __init__(
        self, proposal: Network, refine: Network, output: Network, config: MtcnnConfig
    ) -> None:
        self._proposal = proposal
        self._refine = refine
        self._output = output
        self.config = config

    @classmethod
    def from_folder(cls, folder: Path, config: MtcnnConfig, threads: int = 1) -> Self:
        """Load `pnet.onnx`, `rnet.onnx` and `onet.onnx`.

        Raises `WeightsError` where a file is missing or not the pinned one.
        """
        pnet, rnet, onet = (
            open_graph(folder, name, threads) for name in ("pnet.onnx", "rnet.onnx", "onet.onnx")
        )
        return cls(pnet, rnet, onet, config)

    def detect(self, image_rgb_u8: RgbU8) -> list[DetectedFace]:
        """All faces of a picture (height, width, 3), the most certain first."""
        return self.detect_batch([image_rgb_u8])[0]

    def detect_batch(self, images_rgb_u8: Sequence[RgbU8]) -> list[list[DetectedFace]]:
        """The faces of each picture; pictures of one size go through the networks together."""
        images = [
            shrink(image, self.config.max_side_px / max(image.shape[:2])) for image in images_rgb_u8
        ]
        faces: dict[int, list[DetectedFace]] = {}
        for group in equal_sizes(images, _PIXELS_AT_ONCE):
            found = self._search([images[position] for position in group])
            for position, candidates in zip(group, found, strict=True):
                height, width = images_rgb_u8[position].shape[:2]
                rows, columns = images[position].shape[:2]
                per_pixel = np.array([width / columns, height / rows], np.float32)
                faces[position] = candidates.faces(per_pixel)
        return [faces[position] for position in range(len(images))]

    def _search(self, images: list[RgbU8]) -> list[Candidates]:
        """The cascade on pictures of one size."""
        found = self._output_stage(images, self._refine_stage(images, self._proposals(images)))
        points = self._landmarks(images, [each.boxes for each in found])
        return [
            Candidates(each.boxes, landmarks, each.scores)
            for each, landmarks in zip(found, points, strict=True)
        ]

    def _proposals(self, images: list[RgbU8]) -> list[_Found]:
        shape = images[0].shape
        levels = [[_Found(np.empty((0, 4), np.float32), np.empty(0, np.float32))] for _ in images]
        scale = _CELL_PX / self.config.min_face_px
        level = [shrink(image, scale) for image in images]
        while min(level[0].shape[:2]) >= _CELL_PX:
            outputs = self._proposal(np.stack(level))
            for parts, face, box_offsets in zip(levels, *outputs, strict=True):
                parts.append(self._proposals_of_level(face, box_offsets, level[0].shape, shape))
            scale *= self.config.scale_factor
            level = [resize(image, shape, scale) for image in level]
        return [_joined(parts).best(self.config.overlap) for parts in levels]

    def _proposals_of_level(
        self, face: F32, box_offsets: F32, level_shape: tuple[int, ...], shape: tuple[int, ...]
    ) -> _Found:
        rows, columns = np.nonzero(face > self.config.proposal_threshold)
        corners = np.stack([columns, rows], 1).astype(np.float32) * _STRIDE_PX
        cells = np.hstack([corners, corners + _CELL_PX])
        per_pixel = np.array([shape[1] / level_shape[1], shape[0] / level_shape[0]])
        boxes = shift(cells, box_offsets[rows, columns]) * np.tile(per_pixel, 2)
        found = _Found(boxes.astype(np.float32), face[rows, columns])
        return found.best(self.config.level_overlap)

    def _refine_stage(self, images: list[RgbU8], found: list[_Found]) -> list[_Found]:
        squares = [whole_squares(each.boxes) for each in found]
        outputs = _of_each(self._refine, images, squares, _REFINE_PX)
        refined = (
            _sure(own, face, box_offsets, self.config.refine_threshold)
            for own, (face, box_offsets) in zip(squares, outputs, strict=True)
        )
        return [each.best(self.config.overlap) for each in refined]

    def _output_stage(self, images: list[RgbU8], found: list[_Found]) -> list[_Found]:
        squares = [whole_squares(each.boxes) for each in found]
        outputs = _of_each(self._output, images, squares, _OUTPUT_PX)
        last = (
            _sure(own, face, box_offsets, self.config.output_threshold)
            for own, (face, box_offsets, _) in zip(squares, outputs, strict=True)
        )
        return [each.best(self.config.overlap, over_smaller=True) for each in last]

    def _landmarks(self, images: list[RgbU8], boxes: list[Boxes]) -> list[Points]:
        """Landmarks (n, 5, 2) of the boxes, between pixel edges, out of a look of their own.

        The last stage also answers with landmarks, but for boxes that it is about to move. Looking
        again at the moved box, a little closer, and averaging with the look at its mirror image
        halves the jitter of the landmarks (photo against mirrored photo).
        """
        squares = [whole_squares(zoom(own, _LANDMARK_ZOOM)) for own in boxes]
        plain = _of_each(self._output, images, squares, _OUTPUT_PX)
        mirrored = _of_each(self._output, images, squares, _OUTPUT_PX, mirrored=True)
        return [
            _placed(own, one[2], other[2])
            for own, one, other in zip(squares, plain, mirrored, strict=True)
        ]


def _joined(parts: list[_Found]) -> _Found:
    return _Found(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


def _of_each(
    network: Network,
    images: list[RgbU8],
    squares: list[Boxes],
    side_px: int,
    mirrored: bool = False,
) -> list[list[F32]]:
    """Outputs of a network for the squares of each picture, out of one run for all pictures."""
    crops = np.concatenate(
        [cut(image, own, side_px) for image, own in zip(images, squares, strict=True)]
    )
    outputs = network(crops[:, :, ::-1] if mirrored else crops)
    ends = np.cumsum([len(own) for own in squares])[:-1]
    return [list(parts) for parts in zip(*(np.split(out, ends) for out in outputs), strict=True)]


def _sure(squares: Boxes, face: F32, box_offsets: F32, threshold: float) -> _Found:
    sure = face > threshold
    return _Found(shift(squares, box_offsets)[sure], face[sure])


def _placed(squares: Boxes, plain: F32, mirrored: F32) -> Points:
    """Landmarks (n, 5, 2) from both looks at squares; shares (n, 10) are all x, then all y."""
    one, other = (shares.reshape(-1, 2, 5).transpose(0, 2, 1) for shares in (plain, mirrored))
    turned = np.array([1, 0], np.float32) + other[:, _MIRRORED] * np.array([-1, 1], np.float32)
    corners, sizes = squares[:, None, :2], squares[:, None, 2:] - squares[:, None, :2]
    return np.asarray(corners + (one + turned) / 2 * sizes, dtype=np.float32)
