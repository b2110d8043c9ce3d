"""Stage `curate`: give everybody a split, and the people to be trained on a label."""

import pandas as pd

from data.files import write_json
from data.lfw_pairs import read_lfw_pairs
from data.manifest import ALIGNED_SCHEMA, CURATED_SCHEMA, SPLITS, read_manifest, write_manifest
from data.splits import assign_splits, family_leaks, split_by_protocol
from pipelines.errors import StageError
from pipelines.layout import Layout
from pipelines.params import CurateParams, Params


def curate(params: Params, layout: Layout) -> None:
    """Write `artifacts/curate/manifest.parquet`; no family is in more than one split."""
    table = read_manifest(layout.aligned_manifest, ALIGNED_SCHEMA)
    config = params.curate
    if layout.protocol_pairs.exists():
        subjects = read_lfw_pairs(layout.protocol_pairs).subjects
        table["split"] = split_by_protocol(table, subjects, config.splits)
    else:
        table["split"] = assign_splits(table, config.splits)
    leaks = family_leaks(table)
    if leaks:
        raise StageError(f"{len(leaks)} families are in several splits, such as {leaks[0]}")
    table["label"] = labels(table, config)
    if not (table["label"] >= 0).any():
        raise StageError(
            f"nobody of the train split has {config.min_photos_to_train} usable photos;"
            " ingest more people or lower curate.min_photos_to_train"
        )
    write_manifest(table, layout.curated_manifest, CURATED_SCHEMA)
    write_json(layout.metrics("curate"), summary(table))


def labels(table: pd.DataFrame, config: CurateParams) -> pd.Series:
    """Class of each row to train on, counted from 0; -1 for every other row."""
    usable = (table["split"] == "train") & table["reject_reason"].isna()
    num_usable = usable.groupby(table["subject_id"]).transform("sum")
    taken = usable & (num_usable >= config.min_photos_to_train)
    codes = pd.Series(-1, index=table.index)
    # Sorted by name, so that a label does not depend on the order of the manifest.
    codes[taken] = pd.factorize(table.loc[taken, "subject_id"], sort=True)[0]
    return codes


def summary(table: pd.DataFrame) -> dict[str, object]:
    """People, photos and usable photos of each split."""
    usable = table["reject_reason"].isna()
    return {
        "num_classes": int(table["label"].max()) + 1,
        **{split: _counts(table[table["split"] == split], usable) for split in SPLITS},
    }


def _counts(rows: pd.DataFrame, usable: pd.Series) -> dict[str, int]:
    return {
        "num_subjects": int(rows["subject_id"].nunique()),
        "num_photos": len(rows),
        "num_usable": int(usable[rows.index].sum()),
    }
