"""Crops of `align` as `train.rec`, `train.idx` and `property`, which other trainers read.

Beside them lies `records.parquet`: which photo each record was, because the format has no room for
names.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.face import CROP_SIZE_PX
from data.files import whole_folder
from data.manifest import CURATED_SCHEMA, SPLITS, read_manifest
from data.recordio.writer import (
    INDEX_FILE,
    PROPERTY_FILE,
    RECORDS_FILE,
    LabelledPicture,
    write_record_set,
)
from pipelines.errors import StageError
from pipelines.layout import Layout

Encoding = Literal["jpeg", "png"]
NAMES_FILE: Final = "records.parquet"
JPEG_QUALITY: Final = 95
_OURS: Final = frozenset({RECORDS_FILE, INDEX_FILE, PROPERTY_FILE, NAMES_FILE})


@dataclass(frozen=True, slots=True)
class RecordSet:
    """What was written."""

    folder: Path
    num_pictures: int
    num_classes: int


def write_training_records(
    table: pd.DataFrame,
    crops_rgb_u8: NDArray[np.uint8],
    folder: Path,
    encoding: Encoding,
    jpeg_quality: int = JPEG_QUALITY,
) -> RecordSet:
    """Write every crop of a manifest into `folder`, whole or not at all.

    `table` has `image_id`, `subject_id` and `crop_index`, and is the rows to write; people are
    numbered in the order of their names. `crops_rgb_u8` is (n, 112, 112, 3), best a memory map.
    PNG is lossless, JPEG is what other sets hold. Raises `StageError` where there is no crop, or
    where `folder` holds something else, and `ManifestError` where the set is too large.
    """
    _refuse_foreign(folder)
    rows = table.loc[table["crop_index"] >= 0, ["image_id", "subject_id", "crop_index"]]
    if rows.empty:
        raise StageError("there is no crop to write; rerun `align`, or take another split")
    rows = rows.sort_values(["subject_id", "image_id"], ignore_index=True)
    rows.insert(0, "key", np.arange(1, len(rows) + 1))
    rows["label"] = pd.factorize(rows["subject_id"])[0]
    with whole_folder(folder) as partial:
        pictures = _pictures(rows, crops_rgb_u8, encoding, jpeg_quality)
        num_classes = write_record_set(partial, pictures)
        rows.drop(columns="crop_index").to_parquet(partial / NAMES_FILE, index=False)
    return RecordSet(folder, len(rows), num_classes)


def write_split(
    layout: Layout, split: str, folder: Path, encoding: Encoding, jpeg_quality: int = JPEG_QUALITY
) -> RecordSet:
    """Write the crops of one split of the curated manifest, as `write_training_records`.

    Of the train split only the people that are trained on, so the labels are those of `curate`.
    """
    if split not in SPLITS:
        raise StageError(f"there is no split {split!r}; take one of {', '.join(SPLITS)}")
    table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    taken = (table["split"] == split) & table["reject_reason"].isna()
    if split == "train":
        taken &= table["label"] >= 0
    if layout.crop_records.exists():
        raise StageError(
            "the crops are records of their source already (align.crops: source); take that file,"
            " or set align.crops to `packed`"
        )
    try:
        crops = np.load(layout.crops, mmap_mode="r")
    except OSError as error:
        raise StageError(f"{layout.crops}: cannot be read ({error}); rerun `align`") from error
    return write_training_records(table[taken], crops, folder, encoding, jpeg_quality)


def _refuse_foreign(folder: Path) -> None:
    """What stands in `folder` is replaced, so it may hold nothing that is not ours."""
    if not folder.exists():
        return
    foreign = sorted({entry.name for entry in folder.iterdir()} - _OURS)
    if foreign:
        raise StageError(f"{folder} holds {foreign[0]} and would be replaced; give another folder")


def _pictures(
    rows: pd.DataFrame, crops_rgb_u8: NDArray[np.uint8], encoding: Encoding, jpeg_quality: int
) -> Iterator[LabelledPicture]:
    for label, crop_index in zip(rows["label"], rows["crop_index"], strict=True):
        yield LabelledPicture(label, _encoded(crops_rgb_u8[crop_index], encoding, jpeg_quality))


def _encoded(crop_rgb_u8: NDArray[np.uint8], encoding: Encoding, jpeg_quality: int) -> bytes:
    if crop_rgb_u8.shape != (CROP_SIZE_PX, CROP_SIZE_PX, 3):
        raise StageError(f"a crop of {crop_rgb_u8.shape} is none of `align`'s; rerun `align`")
    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if encoding == "jpeg" else []
    bgr = np.ascontiguousarray(crop_rgb_u8[:, :, ::-1])  # OpenCV stores what it takes for BGR
    return bytes(cv2.imencode(f".{encoding}", bgr, options)[1])
