"""Crops as small JPEG inside the page, up to a budget, so that the page stays small."""

import base64
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import pandas as pd

from data.errors import DataError
from pipelines.report_page.blocks import Picture
from training.errors import TrainingError
from training.loading.crop_sources import CropSource

_QUALITY: Final = 78
BUDGET_BYTES: Final = 1_500_000
"""Of all pictures of a page, encoded; what does not fit is left out and says so."""


@dataclass(slots=True)
class Album:
    """Hands out crops by image id, each encoded once."""

    crops: CropSource | None
    rows: pd.Series
    """Row of each crop, by image id; photos without a usable face have none."""
    budget_bytes: int = BUDGET_BYTES
    _made: dict[str, str] = field(default_factory=dict)

    def picture(self, image_id: str, who: str) -> Picture:
        """The crop of an image, or a picture without a source where there is none to show."""
        return Picture(self._source(image_id), f"{who}, photo {image_id}")

    def _source(self, image_id: str) -> str:
        if image_id not in self._made:
            self._made[image_id] = self._encoded(image_id)
        return self._made[image_id]

    def _encoded(self, image_id: str) -> str:
        row = int(self.rows.get(image_id, -1))
        if self.crops is None or row < 0:
            return ""
        try:
            crop_rgb_u8 = self.crops.read(np.array([row]))[0]
        except (
            TrainingError,
            DataError,
            IndexError,
        ):  # a page without this picture is still a page
            return ""
        _, jpeg = cv2.imencode(".jpg", crop_rgb_u8[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        source = "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode("ascii")
        self.budget_bytes -= len(source)
        return source if self.budget_bytes >= 0 else ""
