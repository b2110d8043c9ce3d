"""Attributes within `curate`: real models on real faces fill what is unknown and nothing else."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.attributes.config import AttributeModelConfig, AttributesConfig
from data.errors import WeightsError
from data.manifest import (
    LANDMARK_COLUMNS,
    SOURCE_COLUMNS,
    SOURCE_SCHEMA,
    validate,
    with_source_columns,
)
from pipelines.attributes import fill_attributes
from pipelines.catalogue import ATTRIBUTE_MODELS
from pipelines.layout import Layout
from pipelines.pretrained import locate

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("EXAMGATE_DATA_DIR", ROOT / "../shared/data"))
# Where the eyes, nose and mouth of UTKFace's chips of 200 x 200 pixels are, within a few pixels.
CHIP_LANDMARKS_PX = (59, 58, 137, 58, 98, 103, 63, 138, 133, 138)


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Six photos of UTKFace as ingested; skipped where photos or models are absent."""
    photos = sorted((DATA / "utk_demographic/images").glob("2?_1_*.jpg"))[:6]
    weights = os.environ.get("EXAMGATE_WEIGHTS_DIR", str(ROOT / "../shared/weights"))
    monkeypatch.setenv("EXAMGATE_WEIGHTS_DIR", weights)
    try:
        at_hand = all(locate(tmp_path, model) for model in ATTRIBUTE_MODELS.values())
    except WeightsError:
        at_hand = False
    if len(photos) < 6 or not at_hand:
        pytest.skip(f"no UTKFace in {DATA} or no models; set EXAMGATE_DATA_DIR and _WEIGHTS_DIR")
    layout = Layout(tmp_path)
    layout.photos.mkdir(parents=True)
    for number, photo in enumerate(photos):
        shutil.copyfile(photo, layout.photos / f"p{number}.jpg")
    return layout


def _table() -> pd.DataFrame:
    names = [f"p{number}" for number in range(6)]
    table = pd.DataFrame({"image_id": names, "subject_id": names})
    table = with_source_columns(table.assign(path=table["image_id"] + ".jpg"))
    table["gender"] = pd.Series(["masculine", *[None] * 5], dtype=object)
    table["gender_provenance"] = pd.Series(["manual", *[None] * 5], dtype=object)
    landmarks = dict(zip(LANDMARK_COLUMNS, map(float, CHIP_LANDMARKS_PX), strict=True))
    return table.assign(**landmarks, reject_reason=[None] * 5 + ["no_face"])  # type: ignore[arg-type]  # pandas-stubs knows no None in lists


@pytest.mark.real_faces
def test_real_models_fill_only_what_is_unknown(layout: Layout) -> None:
    models = tuple(
        AttributeModelConfig(name=name, min_confidence=0.6) for name in ("gear", "faceres")
    )
    merged = fill_attributes(_table(), AttributesConfig(models=models), layout)
    filled = validate(merged.table[list(SOURCE_COLUMNS)], SOURCE_SCHEMA, "filled")
    assert filled["gender"].iloc[0] == "masculine"
    assert filled["gender_provenance"].iloc[0] == "manual"
    # All six are women, by UTKFace's labels; one of the four that count may be guessed wrongly.
    assert (filled["gender"].iloc[1:5] == "feminine").sum() >= 3
    assert filled[["gender", "age_band", "ethnicity"]].iloc[5].isna().all()
    predicted = filled["gender_provenance"].iloc[1:5].dropna()
    assert predicted.isin(["predicted:gear", "predicted:faceres"]).all()
    assert np.isfinite(filled["gender_confidence"].iloc[1:5].dropna()).all()
    contradicted = merged.disagreements[merged.disagreements["image_id"] == "p0"]
    assert contradicted["detail"].str.contains(r"gender: masculine \(manual\)").any()
