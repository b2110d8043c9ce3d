"""The stage `curate` on a table of people with pictures of noise; the whole run is in tests/e2e."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from data.files import read_json, sha256_tree
from data.manifest import (
    ALIGNED_SCHEMA,
    BOX_COLUMNS,
    CURATED_SCHEMA,
    LANDMARK_COLUMNS,
    QUALITY_COLUMNS,
    read_manifest,
    with_source_columns,
    write_manifest,
)
from data.protocols.store import read_index, read_protocol
from data.published import published_pairs, write_published
from data.review_decisions import EXCLUDED
from pipelines.curate import curate
from pipelines.errors import StageError
from pipelines.layout import Layout
from pipelines.params import Params, load_params

ROOT = Path(__file__).resolve().parents[2]
SHARES = {"train_share": 0.4, "canary_share": 0.1, "calibration_share": 0.25, "test_share": 0.25}


def params_with(**changes: object) -> Params:
    params = load_params(ROOT / "params.yaml")
    splits = params.curate.splits.model_copy(update=SHARES)
    review = params.curate.review.model_copy(update={"decisions": None})
    curate_params = params.curate.model_copy(
        update={"splits": splits, "min_photos_to_train": 2, "review": review, **changes}
    )
    return params.model_copy(update={"curate": curate_params})


def aligned_table(num_subjects: int = 40, photos_each: int = 4) -> pd.DataFrame:
    person = np.repeat(np.arange(num_subjects), photos_each)
    table = pd.DataFrame({"subject_id": [f"s{s:03d}" for s in person]})
    table["image_id"] = [f"{s}_p{i % photos_each}" for i, s in enumerate(table["subject_id"])]
    table["path"] = table["subject_id"] + "/" + table["image_id"] + ".png"
    table = with_source_columns(table)
    table["capture_kind"] = ["id_photo", "gate"] * (len(table) // 2)
    labels = {
        "gender": ["feminine", "masculine"],
        "skin_tone": ["monk_02", "monk_08"],
        "age_band": ["18_21"],
    }
    for name, values in labels.items():
        table[name] = [values[s % len(values)] for s in person]
        table[f"{name}_provenance"] = "ground_truth"
    measured = (*LANDMARK_COLUMNS, *BOX_COLUMNS, *QUALITY_COLUMNS)
    nothing = pd.Series([None] * len(table), dtype=object)
    return table.assign(
        **dict.fromkeys(measured, 50.0), crop_index=np.arange(len(table)), reject_reason=nothing
    )


def prepare(root: Path, table: pd.DataFrame) -> Layout:
    layout = Layout(root)
    rng = np.random.default_rng(0)
    for path in table["path"]:
        (layout.photos / path).parent.mkdir(parents=True, exist_ok=True)
        picture = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        cv2.imwrite(str(layout.photos / path), cv2.resize(picture, (48, 48)))
    write_manifest(table, layout.aligned_manifest, ALIGNED_SCHEMA)
    layout.crops.parent.mkdir()
    np.save(layout.crops, np.zeros((len(table), 112, 112, 3), np.uint8))
    return layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return prepare(tmp_path, aligned_table())


def test_everything_is_written_and_counted(layout: Layout) -> None:
    curate(params_with(), layout)
    table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    assert set(table["split"]) == {"train", "canary", "calibration", "test"}
    assert (table.loc[table["label"] >= 0, "split"] == "train").all()
    assert (table["sampling_weight"] == (table["label"] >= 0)).all()
    figures = read_json(layout.metrics("curate"))
    assert isinstance(figures, dict)
    assert figures["test"]["num_photos"] == (table["split"] == "test").sum()
    index = read_index(layout.protocols)
    assert {name: p["digest"] for name, p in figures["protocols"].items()} == {
        name: entry.digest for name, entry in index.items()
    }
    for name in index:
        read_protocol(layout.protocols, name)
    assert (layout.curated_manifest.parent / "balance.png").read_bytes()[:4] == b"\x89PNG"
    cells = pd.read_parquet(layout.curated_manifest.parent / "balance.parquet")
    assert cells["num_photos"].sum() == len(table)
    assert figures["review"]["num_open"] == len(
        pd.read_parquet(layout.curated_manifest.parent / "review.parquet")
    )
    shares = pd.read_csv(layout.plots / "balance.csv")
    assert {"label", "share"} <= set(shares.columns)


def test_the_same_again_is_the_same_to_the_byte(layout: Layout) -> None:
    curate(params_with(), layout)
    before = sha256_tree(layout.curated_manifest.parent)
    curate(params_with(), layout)
    assert sha256_tree(layout.curated_manifest.parent) == before


def test_weights_follow_the_scheme(layout: Layout) -> None:
    sampling = params_with().curate.sampling.model_copy(update={"scheme": "per_cell"})
    curate(params_with(sampling=sampling), layout)
    table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    trained = table[table["label"] >= 0]
    sizes = trained.groupby("gender")["sampling_weight"].agg(["size", "first"])
    assert sizes["size"].idxmin() == sizes["first"].idxmax()


def test_photo_that_also_stands_in_another_split_is_not_trained_on(layout: Layout) -> None:
    curate(params_with(), layout)
    table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    trained = table[table["label"] >= 0].iloc[0]
    tested = table[table["split"] == "test"].iloc[0]
    (layout.photos / trained["path"]).write_bytes((layout.photos / tested["path"]).read_bytes())
    curate(params_with(), layout)
    again = read_manifest(layout.curated_manifest, CURATED_SCHEMA).set_index("image_id")
    assert again.loc[trained["image_id"], "label"] == -1
    assert again.loc[tested["image_id"], "split"] == "test"
    figures = read_json(layout.metrics("curate"))
    assert isinstance(figures, dict)
    assert figures["num_not_trained_because_in_another_split"] == 1


def test_photo_that_reviewers_exclude_is_in_no_drawn_protocol(layout: Layout) -> None:
    curate(params_with(), layout)
    table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    excluded = table[table["split"] == "test"].iloc[0]["image_id"]
    decisions = layout.root / "decisions.csv"
    decisions.write_text(
        "image_id,decision,new_subject_id,reviewer,reason\n"
        f"{excluded},exclude,,kw,somebody else is in the foreground\n"
    )
    review = params_with().curate.review.model_copy(update={"decisions": Path("decisions.csv")})
    curate(params_with(review=review), layout)
    again = read_manifest(layout.curated_manifest, CURATED_SCHEMA).set_index("image_id")
    assert again.loc[excluded, "reject_reason"] == EXCLUDED
    for name, entry in read_index(layout.protocols).items():
        if entry.unit == "image":
            assert excluded not in read_protocol(layout.protocols, name).ids


def test_people_of_a_published_protocol_are_the_test_split(tmp_path: Path) -> None:
    table = aligned_table()
    layout = prepare(tmp_path, table)
    ids = table["image_id"].tolist()
    write_published(
        published_pairs(ids[:2], ids[8:10], np.array([False] * 2), np.array([0, 1])),
        layout.protocol_pairs,
    )
    curate(params_with(), layout)
    curated = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    assert set(curated.loc[curated["split"] == "test", "subject_id"]) == {"s000", "s002"}
    assert read_index(layout.protocols)["official"].num_pairs == 2


def test_data_that_are_all_protocol_have_nobody_to_train(tmp_path: Path) -> None:
    table = aligned_table(4)
    layout = prepare(tmp_path, table)
    ids = table["image_id"].tolist()
    write_published(published_pairs(ids[:8], ids[8:], np.array([False] * 8)), layout.protocol_pairs)
    curate(params_with(), layout)
    curated = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    assert set(curated["split"]) == {"test"}
    assert (curated["label"] == -1).all()


def test_nobody_to_train_is_an_error_otherwise(layout: Layout) -> None:
    with pytest.raises(StageError, match="min_photos_to_train"):
        curate(params_with(min_photos_to_train=5), layout)
    assert not layout.curated_manifest.parent.exists()
