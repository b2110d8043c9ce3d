"""Two public models that guess age, gender and ethnicity from a face chip.

* `gear` (github.com/Udolf15/GEAR-Predictor, trained on UTKFace): 198 x 198 RGB / 255; softmax over
  seven age bins, two genders and UTKFace's five ethnicities.
* `faceres` (github.com/HSE-asavchenko/HSE_FaceRec_tf): 224 x 224 BGR minus VGG's means; softmax
  over a hundred years, sigmoid for masculine.

Both want faces framed as UTKFace frames them: 1.25 times as large as in our crop, the eyes well
above the middle. `chip_of` cuts that out of the photo. `python -m benchmarks.attributes` measures
both models on it, on our crop and on UTKFace's own chips.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from data.alignment import estimate_similarity
from data.attributes.ages import AGE_BANDS, NUM_YEARS, band_masses, expected_years, spread_bins
from data.attributes.config import PredictorName
from data.errors import WeightsError
from data.face import CROP_SIZE_PX, LandmarksPx, RgbU8

GENDERS: Final = ("masculine", "feminine")
ETHNICITIES: Final = ("white", "black", "asian", "indian", "other")
"""UTKFace's classes, named as the model names them; they are no statement about anybody."""

_GEAR_AGE_STARTS: Final = (0, 21, 26, 31, 41, 51, 61)
_VGG_MEAN_BGR: Final = (103.939, 116.779, 123.68)
_ZOOM: Final = 1.2475
_RAISE_PX: Final = 14.5
"""UTKFace's framing as seen by our landmarks: the template 1.25 times as large, and higher."""

Chips = NDArray[np.uint8]
Guesses = Mapping[str, "Guess"]


@dataclass(frozen=True, slots=True)
class Guess:
    """What a model says about one attribute of n faces."""

    values: NDArray[np.object_]
    """(n,) strings of the manifest's vocabulary; floats for `age_years`."""
    confidence: NDArray[np.float64]
    """(n,) the model's own probability of the value; NaN for `age_years`, which has none."""
    vocabulary: tuple[str, ...] = ()
    """All values it can take; a label outside of it can be neither confirmed nor contradicted."""


@dataclass(frozen=True, slots=True)
class _Recipe:
    side_px: int
    prepare: Callable[[Chips], NDArray[np.float32]]
    read: Callable[[Sequence[NDArray[np.float32]]], Guesses]


def chip_of(image_rgb_u8: RgbU8, landmarks_px: LandmarksPx, side_px: int) -> RgbU8:
    """Cut a square chip out of a photo as UTKFace frames it; beyond the photo its edge is repeated.

    Raises `FaceTooSmallError` where the landmarks span no face.
    """
    matrix = estimate_similarity(landmarks_px).matrix
    zoom = _ZOOM * side_px / CROP_SIZE_PX
    centre = np.array([CROP_SIZE_PX / 2, CROP_SIZE_PX / 2 + _RAISE_PX])
    matrix[:, 2] -= centre
    matrix *= zoom
    matrix[:, 2] += side_px / 2
    chip: RgbU8 = cv2.warpAffine(
        image_rgb_u8,
        matrix,
        (side_px, side_px),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.uint8, copy=False)
    return chip


class Predictor:
    """One model on ONNX Runtime. Safe to call from several threads."""

    def __init__(self, name: PredictorName, model: bytes) -> None:
        """Load a model from bytes that have been verified; raises `WeightsError` for others."""
        self._recipe = _RECIPES[name]
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            self._session = ort.InferenceSession(model, options, ["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own exceptions share no base class
            raise WeightsError(f"{name}: the file is no such model ({error})") from error
        self._input = self._session.get_inputs()[0].name

    @property
    def side_px(self) -> int:
        """Side of the chips it takes."""
        return self._recipe.side_px

    def predict(self, chips_rgb_u8: Chips) -> Guesses:
        """Guess the attributes of chips (n, side, side, 3), by the manifest's column."""
        outputs = self._session.run(None, {self._input: self._recipe.prepare(chips_rgb_u8)})
        return self._recipe.read(outputs)


def _gear_input(chips: Chips) -> NDArray[np.float32]:
    return np.asarray(chips / np.float32(255), dtype=np.float32)


def _faceres_input(chips: Chips) -> NDArray[np.float32]:
    bgr = chips[..., ::-1].astype(np.float32)
    return np.asarray(bgr - np.array(_VGG_MEAN_BGR, np.float32), dtype=np.float32)


def _gear_output(outputs: Sequence[NDArray[np.float32]]) -> Guesses:
    ages, genders, ethnicities = outputs
    return {
        **_age(spread_bins(ages, _GEAR_AGE_STARTS)),
        "gender": _best(genders, GENDERS),
        "ethnicity": _best(ethnicities, ETHNICITIES),
    }


def _faceres_output(outputs: Sequence[NDArray[np.float32]]) -> Guesses:
    masculine, ages = sorted(outputs, key=lambda output: output.shape[1])
    years = np.zeros((len(ages), NUM_YEARS))
    years[:, 1:] = ages  # a hundred classes are taken as 1 to 100; as 0 to 99 the error is larger
    return {
        **_age(years),
        "gender": _best(np.concatenate([masculine, 1 - masculine], axis=1), GENDERS),
    }


def _age(years: NDArray[np.float64]) -> dict[str, Guess]:
    expected = expected_years(years)
    return {
        "age_band": _best(band_masses(years), AGE_BANDS),
        "age_years": Guess(expected.astype(object), np.full(len(expected), np.nan)),
    }


def _best(probabilities: NDArray[np.floating], names: tuple[str, ...]) -> Guess:
    chosen = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1).astype(np.float64).clip(0, 1)
    return Guess(np.array(names, object)[chosen], confidence, names)


_RECIPES: Final[Mapping[PredictorName, _Recipe]] = MappingProxyType(
    {
        "gear": _Recipe(198, _gear_input, _gear_output),
        "faceres": _Recipe(224, _faceres_input, _faceres_output),
    }
)
