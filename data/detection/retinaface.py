"""RetinaFace (Deng et al. 2020) on MobileNet-0.25, for a canvas of 640 x 640 pixels.

Two prior squares around the middle of every cell of grids of stride 8, 16 and 32. Per prior: the
shift of the box's middle in tenths of the prior's side, logarithms of width and height over that
side in fifths, the probabilities of no face and of a face, and landmarks from the prior's middle in
tenths of its side. Outputs: boxes (1, priors, 4), probabilities (1, priors, 2), points
(1, priors, 10).
"""

from typing import Final

import numpy as np

from data.detection.anchors import boxes_of_middles, landmarks_of_offsets, priors
from data.detection.candidates import Candidates
from data.detection.network import F32
from data.face import RgbU8

CANVAS_PX: Final = 640
PRIORS_PX: Final = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
"""Sides of the prior squares, by stride."""
_MEAN_BGR: Final = (104.0, 117.0, 123.0)
_SHIFT: Final = np.float32(0.1)
_GROWTH: Final = np.float32(0.2)


def network_input(image_rgb_u8: RgbU8) -> F32:
    """A picture as the network takes it: (1, 3, 640, 640), blue first, less the mean colour."""
    centred = image_rgb_u8[..., ::-1].astype(np.float32) - np.array(_MEAN_BGR, np.float32)
    return np.ascontiguousarray(centred.transpose(2, 0, 1)[None])


def decode(outputs: list[F32], shape_hw: tuple[int, int], least_score: float) -> Candidates:
    """All answers of at least that score, for a canvas of the given height and width."""
    boxes, probabilities, points = (output[0] for output in outputs)
    scores = probabilities[:, 1]
    likely = np.flatnonzero(scores >= least_score)
    squares = np.concatenate([priors(shape_hw, *level) for level in PRIORS_PX.items()])[likely]
    middles, sides = squares[:, :2], squares[:, 2:]
    return Candidates(
        boxes_of_middles(
            middles + boxes[likely, :2] * _SHIFT * sides,
            np.exp(boxes[likely, 2:] * _GROWTH) * sides,
        ),
        landmarks_of_offsets(middles, points[likely] * _SHIFT * sides),
        scores[likely],
    )
