"""Guessed attributes: chips, distributions of age, and what a guess may and may not change."""

import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.attributes.ages import AGE_BANDS, band_masses, expected_years, spread_bins
from data.attributes.config import AttributeModelConfig, AttributesConfig
from data.attributes.merge import Merged, merge_guesses
from data.attributes.predictors import ETHNICITIES, GENDERS, Guess, Guesses, Predictor, chip_of
from data.errors import WeightsError
from data.face import TEMPLATE_PX
from data.manifest import SOURCE_SCHEMA, validate, with_source_columns

REPOSITORY = Path(__file__).parents[2]


@given(st.lists(st.floats(0.01, 1), min_size=7, max_size=7))
def test_bins_spread_over_years_keep_their_mass(weights: list[float]) -> None:
    bins = np.array([weights], np.float32) / np.float32(sum(weights))
    years = spread_bins(bins, (0, 21, 26, 31, 41, 51, 61))
    assert years.shape == (1, 101)
    assert years.sum() == pytest.approx(1, abs=1e-5)
    assert years[0, 21:26].sum() == pytest.approx(float(bins[0, 1]), abs=1e-6)
    assert band_masses(years).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, "under_18"),
        (17, "under_18"),
        (18, "18_21"),
        (25, "22_25"),
        (26, "26_35"),
        (35, "26_35"),
        (36, "36_plus"),
        (100, "36_plus"),
    ],
)
def test_bands_begin_and_end_where_the_campus_says(age: int, band: str) -> None:
    years = np.zeros((1, 101))
    years[0, age] = 1
    assert AGE_BANDS[int(band_masses(years).argmax())] == band
    assert expected_years(years)[0] == age


def test_chip_frames_the_face_as_utkface_does() -> None:
    """Measured on UTKFace: eyes at 59 and 137.5 of 200 pixels, 58 below the top."""
    photo = np.zeros((300, 300, 3), np.uint8)
    landmarks = (TEMPLATE_PX * 1.5 + 40).astype(np.float32)
    for x, y in landmarks[:2]:
        cv2.circle(photo, (round(float(x)), round(float(y))), 4, (255, 255, 255), -1)
    chip = chip_of(photo, landmarks, 200)
    rows, columns = np.nonzero(chip[..., 0] > 128)
    assert rows.mean() == pytest.approx(58, abs=2)
    assert columns[columns < 100].mean() == pytest.approx(60, abs=2)
    assert columns[columns >= 100].mean() == pytest.approx(138, abs=2)


def test_file_that_is_no_model_is_refused() -> None:
    with pytest.raises(WeightsError, match="gear"):
        Predictor("gear", b"no model")


def _guess(*said: tuple[str, float], vocabulary: tuple[str, ...] = GENDERS) -> Guess:
    values, confidence = zip(*said, strict=True)
    return Guess(np.array(values, object), np.array(confidence, float), vocabulary)


@pytest.fixture
def table() -> pd.DataFrame:
    """Four photos: one gender known by hand, one outside of the models' vocabulary, two unknown."""
    rows = [f"photo{row}" for row in range(4)]
    table = pd.DataFrame({"image_id": rows, "subject_id": rows, "path": rows})
    table = with_source_columns(table)
    table["gender"] = pd.Series(["feminine", "androgynous", None, None], dtype=object)
    table["gender_provenance"] = pd.Series(["manual", "ground_truth", None, None], dtype=object)
    return table


def _merge(table: pd.DataFrame, **guesses: Guesses) -> Merged:
    models = tuple(AttributeModelConfig(name=name, min_confidence=0.8) for name in guesses)
    return merge_guesses(table, guesses, AttributesConfig(models=models))


def test_known_labels_are_never_touched_and_unknown_ones_filled(table: pd.DataFrame) -> None:
    sure = _guess(*[("masculine", 0.9)] * 3, ("masculine", 0.79))
    merged = _merge(table, gear={"gender": sure})
    assert merged.table["gender"].tolist() == ["feminine", "androgynous", "masculine", None]
    assert merged.table["gender_provenance"].tolist() == [
        "manual",
        "ground_truth",
        "predicted:gear",
        None,
    ]
    assert merged.table["gender_confidence"].tolist()[2] == 0.9
    assert validate(merged.table, SOURCE_SCHEMA, "merged") is not None
    assert merged.summary["gender"] == {
        "filled": {"gear": 1},
        "against_known": {
            "gear": {
                "num_compared": 1,
                "differing_share": 1.0,
                "confusion": {"feminine -> masculine": 1},
            }
        },
    }


def test_contradictions_are_listed_and_only_where_both_sides_are_sure(table: pd.DataFrame) -> None:
    gear = _guess(*[("masculine", 0.95)] * 4)
    faceres = _guess(("feminine", 0.9), ("feminine", 0.9), ("feminine", 0.9), ("feminine", 0.5))
    found = _merge(table, gear={"gender": gear}, faceres={"gender": faceres}).disagreements
    assert found[["image_id", "detail"]].to_numpy().tolist() == [
        ["photo0", "gender: feminine (manual), gear says masculine with 0.95"],
        ["photo2", "gender: gear says masculine with 0.95, faceres says feminine with 0.90"],
    ]
    assert found["finding"].unique().tolist() == ["attribute_disagreement"]


def test_first_model_is_trusted_first(table: pd.DataFrame) -> None:
    gear = _guess(*[("masculine", 0.81)] * 3, ("masculine", 0.1))
    faceres = _guess(*[("feminine", 0.99)] * 4)
    filled = _merge(table, gear={"gender": gear}, faceres={"gender": faceres}).table
    assert filled["gender_provenance"].tolist()[2:] == ["predicted:gear", "predicted:faceres"]


def test_age_in_years_goes_with_a_sure_band(table: pd.DataFrame) -> None:
    band = _guess(*[("18_21", 0.9)] * 2, *[("22_25", 0.4)] * 2, vocabulary=AGE_BANDS)
    years = Guess(np.array([19.5, 20.0, 24.0, 24.0], object), np.full(4, np.nan))
    merged = _merge(table, gear={"age_band": band, "age_years": years})
    assert merged.table["age_years"].tolist()[:2] == [19.5, 20.0]
    assert merged.table["age_years"].isna().tolist() == [False, False, True, True]
    assert merged.table["age_years_provenance"].tolist()[0] == "predicted:gear"
    assert merged.disagreements.empty
    assert validate(merged.table, SOURCE_SCHEMA, "merged") is not None


def test_photos_without_a_face_get_no_guess(table: pd.DataFrame) -> None:
    nothing = Guess(np.full(4, None, object), np.full(4, np.nan), GENDERS)
    merged = _merge(table, gear={"gender": nothing})
    pd.testing.assert_frame_equal(merged.table, table)


def test_without_models_nothing_happens(table: pd.DataFrame) -> None:
    merged = _merge(table)
    pd.testing.assert_frame_equal(merged.table, table)
    assert merged.disagreements.empty
    assert merged.summary == {}


def test_model_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        AttributesConfig(models=(AttributeModelConfig(name="gear"),) * 2)


@pytest.mark.real_faces
@pytest.mark.parametrize(
    ("name", "file", "least_gender"),
    [("gear", "gear_age_gender_race.onnx", 0.75), ("faceres", "faceres_age_gender.onnx", 0.8)],
)
def test_models_guess_real_faces_as_well_as_measured(
    name: str, file: str, least_gender: float
) -> None:
    """Loose bounds on 60 of UTKFace's own chips; `benchmarks.attributes` has all 1,000."""
    weights = Path(os.environ.get("EXAMGATE_WEIGHTS_DIR", REPOSITORY / "../shared/weights"))
    data = Path(os.environ.get("EXAMGATE_DATA_DIR", REPOSITORY / "../shared/data"))
    model, labels = weights / "attributes" / file, data / "utk_demographic/meta.csv"
    if not (model.is_file() and labels.is_file()):
        pytest.skip(f"no {model} or no {labels}; set EXAMGATE_WEIGHTS_DIR and EXAMGATE_DATA_DIR")
    chosen = pd.read_csv(labels).iloc[::17]
    predictor = Predictor(name, model.read_bytes())  # type: ignore[arg-type]  # parametrised
    pictures = [
        cv2.imread(str(labels.parent / path), cv2.IMREAD_COLOR_RGB) for path in chosen["path"]
    ]
    side = (predictor.side_px, predictor.side_px)
    chips = np.stack([cv2.resize(picture, side) for picture in pictures if picture is not None])
    said = predictor.predict(chips.astype(np.uint8))
    truth = np.array(GENDERS, object)[chosen["gender_0m_1f"]]
    assert np.mean(said["gender"].values == truth) >= least_gender
    years = np.abs(said["age_years"].values.astype(float) - chosen["age"])
    assert years.mean() < 14
    if name == "gear":
        races = chosen["race_0white_1black_2asian_3indian_4other"]
        assert np.mean(said["ethnicity"].values == np.array(ETHNICITIES, object)[races]) > 0.5
    assert (said["gender"].confidence >= 0.5).all()
