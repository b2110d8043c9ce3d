"""Frames and landmarks to test the kernel with, from seeds and by hypothesis."""

from typing import Final

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from data.face import TEMPLATE_PX, LandmarksPx, RgbU8

NOT_FACES: Final[dict[str, NDArray[np.float64]]] = {
    "zero": np.zeros((5, 2)),
    "one point": np.full((5, 2), 4000.1),
    "almost one point": 50 + 1e-5 * np.arange(10.0).reshape(5, 2),
    "nan": np.full((5, 2), np.nan),
    "huge": np.full((5, 2), 1e30) * np.arange(10).reshape(5, 2),
    "wide": 3e6 * (TEMPLATE_PX.astype(np.float64) - 56),
    "overflow": np.where(np.arange(10).reshape(5, 2) == 3, 3e38, TEMPLATE_PX),
    "one infinite": np.where(np.arange(10).reshape(5, 2) == 3, np.inf, TEMPLATE_PX),
    "first infinite": np.where(np.arange(10).reshape(5, 2) == 0, -np.inf, TEMPLATE_PX),
    "one nan": np.where(np.arange(10).reshape(5, 2) == 3, np.nan, TEMPLATE_PX),
}


@st.composite
def faces(draw: st.DrawFn) -> tuple[RgbU8, LandmarksPx]:
    """A noisy frame of any shape and landmarks in it, at its rim or outside.

    Tiny and large faces, turned, sheared by noise, sometimes mirrored.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width, height = draw(st.integers(1, 500)), draw(st.integers(1, 500))
    scale = 10 ** draw(st.floats(-2, 1.2))
    turn = draw(st.floats(-np.pi, np.pi))
    shift = np.array([draw(st.floats(-0.7, 1.7)) * width, draw(st.floats(-0.7, 1.7)) * height])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shape = (TEMPLATE_PX - 56) + rng.normal(0, draw(st.floats(0, 8)), (5, 2))
    if draw(st.booleans()):
        shape[:, 0] *= -1
    landmarks = (scale * shape @ rotation.T + shift).astype(np.float32)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8), landmarks


@st.composite
def wild_landmarks(draw: st.DrawFn) -> LandmarksPx:
    """Any ten float32 whatever: denormal, enormous, infinite, not a number."""
    numbers = draw(st.lists(st.floats(width=32), min_size=10, max_size=10))
    return np.array(numbers, np.float32).reshape(5, 2)
