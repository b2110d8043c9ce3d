"""Photos that are aligned crops already: their landmarks are where the template has them."""

from typing import Final

import pandas as pd

from data.errors import ImageError
from data.face import CROP_SIZE_PX, TEMPLATE_PX
from data.image_headers import read_header
from data.manifest import TRUE_LANDMARK_COLUMNS

TEMPLATE_PROVENANCE: Final = "predicted:aligned_crop"
"""The makers' detector put them there; nobody knows how well."""


def is_aligned_crop(content: bytes) -> bool:
    """Whether a file is a whole picture of 112 x 112 pixels, by its header."""
    try:
        header = read_header(content)
    except ImageError:
        return False  # `align` will say why
    return (header.width, header.height) == (CROP_SIZE_PX, CROP_SIZE_PX)


def with_template_landmarks(table: pd.DataFrame, is_crop: "pd.Series[bool]") -> pd.DataFrame:
    """Give the template's landmarks to the rows that are crops, and none to the others."""
    places = dict(zip(TRUE_LANDMARK_COLUMNS, TEMPLATE_PX.reshape(-1).tolist(), strict=True))
    landmarks = {name: is_crop.map({True: place}).astype(float) for name, place in places.items()}
    provenance = is_crop.map({True: TEMPLATE_PROVENANCE})
    return table.assign(**landmarks, true_landmarks_provenance=provenance)
