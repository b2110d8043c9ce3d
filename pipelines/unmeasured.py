"""Photos that are aligned crops already, taken at their source's word: none is read or decoded.

A training set of millions of crops was measured by whoever made it; looking at each again would
take hours and change nothing.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from data.detection.config import FacePolicy
from data.detection.selection import select_face
from data.errors import ImageError, NoFaceError
from data.face import CROP_SIZE_PX, TEMPLATE_PX, DetectedFace
from data.manifest import BOX_COLUMNS, LANDMARK_COLUMNS, QUALITY_COLUMNS
from data.sources.aligned_crops import TEMPLATE_PROVENANCE
from pipelines.errors import StageError
from pipelines.photo_aligner import box_of_crop


def unmeasured_columns(table: pd.DataFrame, policy: FacePolicy) -> pd.DataFrame:
    """The columns of `align` for a source manifest whose photos are aligned crops.

    Landmarks and box are the template's, quality is null. A photo without landmarks is rejected.
    Raises `StageError` where a photo has landmarks and is no aligned crop.
    """
    given = table["true_landmarks_provenance"]
    is_crop = (given == TEMPLATE_PROVENANCE).to_numpy()
    others = np.flatnonzero(given.notna().to_numpy() & ~is_crop)
    if len(others):
        raise StageError(
            f"{table['path'].iloc[others[0]]} is no aligned crop (one of {len(others)}); set"
            " align.crops to `packed` and align.quality to `measured`"
        )
    refusal = _refusal(policy)
    accepted = is_crop if refusal is None else np.zeros(len(table), bool)
    reasons = pd.Series(refusal, table.index, dtype=object).where(is_crop, NoFaceError.code)
    places = {name: np.where(is_crop, place, np.nan) for name, place in _template().items()}
    return pd.DataFrame(
        {
            **places,
            **dict.fromkeys(QUALITY_COLUMNS, np.nan),
            "crop_index": np.where(accepted, np.cumsum(accepted) - 1, -1),
            "reject_reason": reasons,
        },
        index=table.index,
    )


def _template() -> Mapping[str, float]:
    landmarks = TEMPLATE_PX.astype(np.float32)
    places = [*landmarks.reshape(-1).tolist(), *box_of_crop(landmarks)]
    return dict(zip((*LANDMARK_COLUMNS, *BOX_COLUMNS), places, strict=True))


def _refusal(policy: FacePolicy) -> str | None:
    """Why the policy refuses a crop, which is the same for all of them; None: it does not."""
    landmarks = TEMPLATE_PX.astype(np.float32)
    face = DetectedFace(box_of_crop(landmarks), landmarks, 1.0)
    try:
        select_face([face], (CROP_SIZE_PX, CROP_SIZE_PX), policy)
    except ImageError as error:
        return error.code
    return None
