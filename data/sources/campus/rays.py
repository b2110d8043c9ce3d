"""Which point of the head each pixel sees: rays marched onto the radius map.

Most rays settle in a few steps from the depth of their neighbours. The few that graze a rim or
meet a cliff of hair are walked in even steps and then halved, which cannot overshoot.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.sources.campus.grid import COARSE, S_MAX_CM, TEXEL_CM, Y_TOP_CM, FloatMap
from data.sources.campus.pose import Camera

_STRIDE: Final = 3
_ROUGH_STEPS: Final = 14
_FINE_STEPS: Final = 3
_NEAR_Z_CM: Final = 14.5
_FAR_Z_CM: Final = -7.0
_SCAN_STEPS: Final = 26
_HALVINGS: Final = 5
_BREAK_CM: Final = 1.5
"""Neighbouring depths that differ by more belong to different parts of the head."""
_SETTLED_CM: Final = np.float32(0.07)
_CUT_Y_CM: Final = -16.2
_ROW: Final = 256
_PER_RADIAN: Final = np.float32(8.0 / (TEXEL_CM * COARSE))
_MIDDLE: Final = np.float32(S_MAX_CM / (TEXEL_CM * COARSE) - 0.5)
_PER_CM: Final = np.float32(1 / (TEXEL_CM * COARSE))
_TOP: Final = np.float32(Y_TOP_CM / (TEXEL_CM * COARSE) - 0.5)
_LAST_NODE: Final = _TOP - np.float32(_CUT_Y_CM) * _PER_CM


@dataclass(frozen=True, slots=True)
class Hits:
    """Where the rays of a window of pixels meet the head."""

    x0: int
    y0: int
    texel_x: FloatMap
    texel_y: FloatMap
    """Texture coordinates (h, w)."""
    cover: FloatMap
    """(h, w), 1 inside the head, 0 outside, soft over one pixel at the rim."""


@dataclass(frozen=True, slots=True)
class _Probe:
    """One point on each ray, seen on the radius map."""

    u: FloatMap
    v: FloatMap
    gap: FloatMap
    """Distance from the axis less the radius there: negative inside the head."""


@dataclass(frozen=True, slots=True)
class _Rays:
    """At depth z (camera coordinates) a ray is at `start + z slope` in head coordinates."""

    start: list[FloatMap]
    slope: list[FloatMap]

    def probe(self, radius_cm: FloatMap, z: FloatMap | np.float32) -> _Probe:
        px, py, pz = (a + z * b for a, b in zip(self.start, self.slope, strict=True))
        reach, angle = cv2.cartToPolar(pz, px)
        angle = np.where(angle > np.pi, angle - np.float32(2 * np.pi), angle)
        u, v = angle * _PER_RADIAN + _MIDDLE, _TOP - py * _PER_CM
        radius = cv2.remap(radius_cm, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return _Probe(u, v, np.asarray(reach - radius, dtype=np.float32))

    def relax(
        self, radius_cm: FloatMap, z: FloatMap, steps: int
    ) -> tuple[_Probe, FloatMap, FloatMap]:
        """Walk three quarters of the gap a few times; last probe, its depth, least gap seen."""
        seen = self.probe(radius_cm, z)
        least = seen.gap
        for _ in range(steps):
            z = z - np.float32(0.75) * seen.gap
            seen = self.probe(radius_cm, z)
            least = np.minimum(least, seen.gap)
        return seen, z, least

    def pick(self, which: NDArray[np.intp]) -> "_Rays":
        """Some of the rays, as rows of a fixed length."""
        rows = [[m.ravel()[which].reshape(-1, _ROW) for m in ms] for ms in (self.start, self.slope)]
        return _Rays(*rows)

    def scan(self, radius_cm: FloatMap) -> tuple[_Probe, FloatMap]:
        """First entry into the head in even steps, then halved; and the least gap on the way."""
        shape, stride = self.start[0].shape, (_NEAR_Z_CM - _FAR_Z_CM) / _SCAN_STEPS
        inside = np.full(shape, _FAR_Z_CM, dtype=np.float32)
        found = np.zeros(shape, dtype=bool)
        least = np.full(shape, np.inf, dtype=np.float32)
        nearest = inside.copy()
        for step in range(_SCAN_STEPS):
            z = np.float32(_NEAR_Z_CM - step * stride)
            gap = self.probe(radius_cm, z).gap
            inside[~found & (gap < 0)] = z
            found |= gap < 0
            closer = ~found & (gap < least)
            least[closer], nearest[closer] = gap[closer], z
        outside = inside + np.float32(stride)
        for _ in range(_HALVINGS):
            middle = np.float32(0.5) * (inside + outside)
            within = self.probe(radius_cm, middle).gap < 0
            inside, outside = np.where(within, middle, inside), np.where(within, outside, middle)
        seen = self.probe(radius_cm, np.where(found, inside, nearest))
        return seen, np.where(found, np.float32(0), least)


def _rays(camera: Camera, xs_px: FloatMap, ys_px: FloatMap) -> _Rays:
    x = ((xs_px - camera.centre_px[0]) / camera.px_per_cm).astype(np.float32)[None, :]
    y = ((camera.centre_px[1] - ys_px) / camera.px_per_cm).astype(np.float32)[:, None]
    m = camera.rotation.T.astype(np.float32)  # camera to head
    start = [m[i, 0] * x + m[i, 1] * y for i in range(3)]
    return _Rays(start, [m[i, 2] - start[i] / np.float32(camera.distance_cm) for i in range(3)])


def _window(camera: Camera, width: int, height: int) -> tuple[FloatMap, FloatMap]:
    reach = 17.0 * camera.px_per_cm
    cx, cy = camera.centre_px
    xs = np.arange(max(0, int(cx - reach)), min(width, int(cx + reach) + 1), dtype=np.float32)
    ys = np.arange(
        max(0, int(cy - reach)), min(height, int(cy + 1.2 * reach) + 1), dtype=np.float32
    )
    return xs, ys


def _span(hit: NDArray[np.bool_], count: int) -> slice:
    """Pixels between the first and the last lattice line that hits, and one lattice step around."""
    at = np.flatnonzero(hit)
    if not len(at):
        return slice(0, count)
    return slice(max(0, (at[0] - 1) * _STRIDE), min(count, (at[-1] + 2) * _STRIDE))


@dataclass(frozen=True, slots=True)
class _Guess:
    """What a coarse lattice of rays tells about a window of pixels."""

    depth: FloatMap
    """Depth (h, w) at which to start."""
    near: NDArray[np.bool_]
    """(h, w), false where the head is at least a lattice step away."""
    rows: slice
    columns: slice


def _first_guess(camera: Camera, radius_cm: FloatMap, xs: FloatMap, ys: FloatMap) -> _Guess:
    rays = _rays(camera, xs[::_STRIDE], ys[::_STRIDE])
    z = np.full(rays.start[0].shape, _NEAR_Z_CM, dtype=np.float32)
    seen, z, least = rays.relax(radius_cm, z, _ROUGH_STEPS)
    hit = (least < 0.6) & (seen.v < _LAST_NODE + 2)
    around = np.ones((3, 3), np.uint8)
    nearest = cv2.dilate(z, around)
    broken = cv2.subtract(nearest, cv2.erode(z, around)) > _BREAK_CM
    z = np.where(broken, nearest, z).astype(np.float32)
    size = (_STRIDE * hit.shape[1], _STRIDE * hit.shape[0])
    depth = np.asarray(cv2.resize(z, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    grown = cv2.dilate(hit.astype(np.uint8), around)
    near = np.asarray(cv2.resize(grown, size, interpolation=cv2.INTER_NEAREST), dtype=bool)
    rows, columns = _span(hit.max(axis=1), len(ys)), _span(hit.max(axis=0), len(xs))
    return _Guess(depth[rows, columns], near[rows, columns], rows, columns)


def _doubtful(seen: _Probe, near: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rays near the head that have not settled, padded to whole rows."""
    which = np.flatnonzero((np.abs(seen.gap) > _SETTLED_CM) & near)
    return np.pad(which, (0, -len(which) % _ROW), mode="edge") if len(which) else which


def cast_rays(camera: Camera, radius_cm: FloatMap, width: int, height: int) -> Hits:
    """Texture coordinates and cover for each pixel of the window around the head."""
    xs, ys = _window(camera, width, height)
    guess = _first_guess(camera, radius_cm, xs, ys)
    xs, ys = xs[guess.columns], ys[guess.rows]
    rays = _rays(camera, xs, ys)
    seen, _, _ = rays.relax(radius_cm, guess.depth, _FINE_STEPS)
    which = _doubtful(seen, guess.near)
    cover = np.asarray(guess.near, dtype=np.float32)
    if len(which):
        closer, least = rays.pick(which).scan(radius_cm)
        rim = np.clip(1.5 - least * np.float32(camera.px_per_cm), 0.0, 1.0)
        for whole, part in ((seen.u, closer.u), (seen.v, closer.v), (cover, rim)):
            whole.ravel()[which] = part.ravel()
    cover *= seen.v < _LAST_NODE
    fine = np.float32(COARSE)
    u, v = (seen.u + 0.5) * fine - 0.5, (seen.v + 0.5) * fine - 0.5
    return Hits(int(xs[0]), int(ys[0]), u, v, cover)
