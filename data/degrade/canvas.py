"""Paint things onto the part of a picture around a face, in linear light."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.degrade.base import Linear, to_linear, to_srgb_u8
from data.degrade.face_frame import FaceFrame, PointsPx
from data.face import RgbU8

Alpha = NDArray[np.float32]  # (height, width) of the part, 0 nothing to 1 opaque

_REACH: Final = 3.2
"""Half the side of the painted part, in eye distances."""
_FINE_UNIT_PX: Final = 160
"""Outlines are drawn as if the eyes were this far apart, then averaged down."""
_SHIFT_BITS: Final = 4
_HUGE_PX: Final = 2**20
"""What lies further away is not drawn where it lies; OpenCV counts in 32-bit sixteenths."""


class FaceCanvas:
    """The surroundings of one face as light to paint on; what is outside stays bit for bit."""

    def __init__(self, image_rgb_u8: RgbU8, frame: FaceFrame) -> None:
        self.frame = frame
        self._image = image_rgb_u8
        height, width = image_rgb_u8.shape[:2]
        centre, reach = np.array(frame.at(0, 0.4)), _REACH * frame.unit_px
        low = np.clip(np.floor(centre - reach), 0, [width - 1, height - 1]).astype(int)
        high = np.clip(np.ceil(centre + reach), low + 1, [width, height]).astype(int)
        self._origin = low
        self._part = np.s_[low[1] : high[1], low[0] : high[0]]
        self.light: Linear = to_linear(image_rgb_u8[self._part])
        self._fine = int(np.clip(np.ceil(_FINE_UNIT_PX / frame.unit_px), 1, 4))

    @property
    def shape_hw(self) -> tuple[int, int]:
        """Of the painted part."""
        height, width = self.light.shape[:2]
        return height, width

    def local(self, points_px: PointsPx) -> PointsPx:
        """Bring points of the picture into the part."""
        moved: PointsPx = points_px - self._origin
        return moved

    def coordinates(self) -> NDArray[np.float32]:
        """x and y (height, width, 2) of each pixel of the part on the face's plane."""
        moved = self.frame.camera.copy()
        moved[:, 3] -= self._origin
        here = FaceFrame(self.frame.landmarks_px, self.frame.unit_px, moved)
        return here.coordinates(self.shape_hw)

    def fill(self, outline_px: PointsPx) -> Alpha:
        """Cover of a closed outline (n, 2)."""
        layer = self._layer()
        cv2.fillPoly(layer, [self._whole(outline_px)], 255, cv2.LINE_AA, _SHIFT_BITS)
        return self._averaged(layer)

    def stroke(self, line_px: PointsPx, width_px: float, closed: bool = False) -> Alpha:
        """Cover of a line (n, 2); where it is thinner than a pixel it is fainter instead."""
        fine = width_px * self._fine
        layer = self._layer()
        thickness = max(1, round(fine))
        cv2.polylines(
            layer, [self._whole(line_px)], closed, 255, thickness, cv2.LINE_AA, _SHIFT_BITS
        )
        return self._averaged(layer) * np.float32(min(1.0, fine / thickness))

    def soften(self, alpha: Alpha, sigma: float) -> Alpha:
        """Blur a cover by a share of the eye distance."""
        sigma_px = max(0.3, sigma * self.frame.unit_px)
        return cv2.GaussianBlur(alpha, (0, 0), sigma_px).astype(np.float32).reshape(alpha.shape)

    def paint(self, alpha: Alpha, colour: NDArray[np.float32]) -> None:
        """Lay a colour, (3,) or (height, width, 3) of linear light, over what is there."""
        cover = alpha[..., None]
        self.light = self.light + cover * (colour - self.light)

    def paint_many(self, outlines_px: list[PointsPx], colours: NDArray[np.float32]) -> None:
        """Lay filled outlines one over the other, each in its colour, row by row of (n, 3)."""
        height, width = self.shape_hw
        cover = self._layer()
        # Square roots, because 8 bits are too few for dark light.
        roots = np.zeros((*cover.shape, 3), np.uint8)
        for outline, colour in zip(outlines_px, np.sqrt(np.clip(colours, 0, 1)), strict=True):
            corners = [self._whole(outline)]
            cv2.fillPoly(cover, corners, 255, cv2.LINE_8, _SHIFT_BITS)
            cv2.fillPoly(roots, corners, (255 * colour).tolist(), cv2.LINE_8, _SHIFT_BITS)
        light = (roots.astype(np.float32) / 255) ** 2
        small = cv2.resize(light, (width, height), interpolation=cv2.INTER_AREA)
        laid = small.astype(np.float32, copy=False).reshape(height, width, 3)
        self.light = self.light * (1 - self._averaged(cover)[..., None]) + laid

    def darken(self, alpha: Alpha, share: float) -> None:
        """Take a share of the light away where the cover is."""
        self.light = self.light * (1 - np.float32(share) * alpha[..., None])

    def sample(
        self, x: float, y: float, z: float, radius: float, rank: float = 0.5
    ) -> NDArray[np.float32]:
        """Light (3,) around a point of the face, by rank from its darkest to its brightest.

        Mid grey where the point lies outside the part.
        """
        ((px, py),) = self.local(np.array([self.frame.at(x, y, z)]))
        reach = max(1.0, radius * self.frame.unit_px)
        height, width = self.shape_hw
        if not (0 <= px < width and 0 <= py < height):
            return np.full(3, 0.2, np.float32)
        rows = slice(max(0, int(py - reach)), int(py + reach) + 1)
        columns = slice(max(0, int(px - reach)), int(px + reach) + 1)
        part = self.light[rows, columns].reshape(-1, 3)
        return np.asarray(np.quantile(part, rank, axis=0), dtype=np.float32)

    def finish(self) -> RgbU8:
        """The whole picture with what was painted."""
        image = self._image.copy()
        image[self._part] = to_srgb_u8(self.light)
        return image

    def _layer(self) -> NDArray[np.uint8]:
        height, width = self.shape_hw
        return np.zeros((height * self._fine, width * self._fine), np.uint8)

    def _whole(self, points_px: PointsPx) -> NDArray[np.int32]:
        near = np.clip(self.local(points_px), -_HUGE_PX, _HUGE_PX)
        fine = (near + 0.5) * self._fine - 0.5
        return np.rint(fine * 2**_SHIFT_BITS).astype(np.int32)

    def _averaged(self, layer: NDArray[np.uint8]) -> Alpha:
        height, width = self.shape_hw
        small = cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA)
        cover: Alpha = small.astype(np.float32).reshape(height, width) / np.float32(255)
        return cover
