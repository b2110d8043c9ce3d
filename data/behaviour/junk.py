"""Pictures that show nobody: a covered lens, a burnt-out frame, noise, a wall, a shutter."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

import cv2
import numpy as np

from data.face import RgbU8

JunkName = Literal["black", "white", "grey", "noise", "coarse_noise", "gradient", "stripes"]
JUNK: Final = get_args(JunkName)


def junk_picture(name: JunkName, size_px: int, seed: int) -> RgbU8:
    """A square picture (size_px, size_px, 3); only noise is drawn by the seed."""
    picture = _MAKERS[name](size_px, np.random.default_rng([seed, JUNK.index(name)]))
    return np.ascontiguousarray(np.broadcast_to(picture, (size_px, size_px, 3)), dtype=np.uint8)


def _plain(level: int) -> Callable[[int, np.random.Generator], np.ndarray]:
    return lambda _size, _rng: np.full((1, 1, 3), level)


def _noise(size_px: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (size_px, size_px, 3))


def _coarse_noise(size_px: int, rng: np.random.Generator) -> np.ndarray:
    """Blotches of an eighth of the picture, as of a lens far out of focus."""
    blotches = rng.integers(0, 256, (8, 8, 3), np.uint8)
    return np.asarray(cv2.resize(blotches, (size_px, size_px), interpolation=cv2.INTER_CUBIC))


def _gradient(size_px: int, _rng: np.random.Generator) -> np.ndarray:
    return np.linspace(0, 255, size_px)[:, None, None]


def _stripes(size_px: int, _rng: np.random.Generator) -> np.ndarray:
    return (np.arange(size_px) * 16 // size_px % 2 * 255)[:, None, None]


_MAKERS: Final[Mapping[str, Callable[[int, np.random.Generator], np.ndarray]]] = MappingProxyType(
    {
        "black": _plain(0),
        "white": _plain(255),
        "grey": _plain(128),
        "noise": _noise,
        "coarse_noise": _coarse_noise,
        "gradient": _gradient,
        "stripes": _stripes,
    }
)
