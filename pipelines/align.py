"""Stage `align`: find the face in each photo, measure it, cut the crop, or say why not."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from data.crops import CropWriter, write_crops
from data.files import whole_folder, write_json
from data.manifest import (
    ALIGNED_SCHEMA,
    BOX_COLUMNS,
    LANDMARK_COLUMNS,
    QUALITY_COLUMNS,
    SOURCE_SCHEMA,
    TRUE_LANDMARK_COLUMNS,
    read_manifest,
    write_manifest,
)
from pipelines.crop_records import crop_records, write_crop_records
from pipelines.detectors import install_detector
from pipelines.environment import usable_workers
from pipelines.errors import StageError
from pipelines.layout import Layout
from pipelines.params import AlignParams, Params
from pipelines.photo_aligner import AlignSettings, FoundFace, PhotoTask, look_at_all
from pipelines.records import write_training_records
from pipelines.stage import progress
from pipelines.unmeasured import unmeasured_columns

RECORDS_FOLDER: Final = "records"
_FOUND: Final = (*LANDMARK_COLUMNS, *BOX_COLUMNS, *QUALITY_COLUMNS)
_TRUSTED: Final = ("ground_truth", "manual")
_WORTH_A_PROCESS: Final = 64  # photos; fewer are done before a second process has started


def align(params: Params, layout: Layout) -> None:
    """Write `artifacts/align`: `manifest.parquet`, `crops/`, `detector/` and perhaps `records/`."""
    table = read_manifest(layout.source_manifest, SOURCE_SCHEMA)
    if params.align.landmarks == "given" and table["true_landmarks_provenance"].isna().all():
        raise StageError(
            f"{layout.source_manifest} gives no landmarks; set align.landmarks to `detected`"
        )
    with whole_folder(layout.aligned) as folder:
        networks = folder / layout.detector.name
        install_detector(layout.root, params.align.detector, networks)
        crops = folder / layout.crops_folder.name
        crops.mkdir()
        settings = align_settings(params.align, layout.photos, networks)
        rows, errors = _columns(table, params.align, settings, crops / layout.crops.name)
        aligned = pd.concat([table, rows.set_axis(table.index)], axis=1, copy=False)
        if params.align.crops == "source":
            taken = aligned.loc[aligned["reject_reason"].isna(), "path"]
            write_crop_records(crop_records(list(taken)), crops / layout.crop_records.name)
        write_manifest(aligned, folder / layout.aligned_manifest.name, ALIGNED_SCHEMA)
        if params.align.records != "none":
            crops_rgb_u8 = np.load(crops / layout.crops.name, mmap_mode="r")
            records = folder / RECORDS_FOLDER
            write_training_records(aligned, crops_rgb_u8, records, params.align.records)
    write_json(layout.metrics("align"), summary(aligned, errors))


def _columns(
    table: pd.DataFrame, config: AlignParams, settings: AlignSettings, crops: Path
) -> tuple[pd.DataFrame, pd.Series]:
    """The columns of `align` and the landmark errors; `crops` is written where they are packed."""
    if config.quality == "skipped":
        rows = unmeasured_columns(table, config.face_policy)
        return rows, pd.Series(np.zeros(len(rows))).where(rows["crop_index"] >= 0)
    workers = min(usable_workers(), 1 + len(table) // _WORTH_A_PROCESS)
    advance = progress("align")
    found = look_at_all(
        photo_tasks(table), settings, workers, lambda done: advance(done, len(table))
    )
    if config.crops == "source":
        return collect(found, None, len(table))
    with write_crops(crops) as writer:
        return collect(found, writer, len(table))


def photo_tasks(table: pd.DataFrame) -> Iterator[PhotoTask]:
    """What there is to do for each row of a source manifest, one by one: there may be millions."""
    landmarks = table[list(TRUE_LANDMARK_COLUMNS)].to_numpy(np.float32).reshape(-1, 5, 2)
    known = np.isfinite(landmarks).all(axis=(1, 2))
    scores = table["true_landmarks_confidence"].fillna(1.0).to_numpy(float)
    for path, own, is_known, score in zip(table["path"], landmarks, known, scores, strict=True):
        yield PhotoTask(path, own if is_known else None, float(score))


def align_settings(params: AlignParams, photos: Path, networks: Path) -> AlignSettings:
    """Everything a worker process needs to know."""
    return AlignSettings(
        photos=photos,
        networks=networks,
        detector=params.detector if params.landmarks == "detected" else None,
        face_policy=params.face_policy,
        quality_policy=params.quality_policy,
        crops_in_source=params.crops == "source",
    )


def collect(
    found: Iterable[FoundFace], crops: CropWriter | None, count: int
) -> tuple[pd.DataFrame, pd.Series]:
    """Write the crops away as they come; returns the columns of `align` and the landmark errors.

    Without a writer the crops are in their source, and are only counted.
    """
    numbers = np.full((count, len(_FOUND)), np.nan)
    indices, errors = np.full(count, -1), np.full(count, np.nan)
    reasons: list[str | None] = []
    num_crops = 0
    for row, face in enumerate(found):
        numbers[row] = _numbers(face)
        errors[row] = np.nan if face.landmark_error is None else face.landmark_error
        reasons.append(face.reject_reason)
        if face.reject_reason is None:
            indices[row], num_crops = num_crops, num_crops + 1
        if crops is not None and face.crop_rgb_u8 is not None:
            crops.append(face.crop_rgb_u8)
    columns = pd.DataFrame(numbers, columns=list(_FOUND))
    columns = columns.assign(crop_index=indices, reject_reason=pd.Series(reasons, dtype=object))
    return columns, pd.Series(errors)


def summary(aligned: pd.DataFrame, landmark_errors: pd.Series) -> dict[str, object]:
    """Acceptance, reject reasons, and the landmark error where people or a renderer know better."""
    accepted = aligned["reject_reason"].isna()
    rejected = aligned.loc[~accepted, "reject_reason"].value_counts()
    figures: dict[str, object] = {
        "num_photos": len(aligned),
        "accepted_share": float(accepted.mean()),
        "rejected": {str(reason): int(count) for reason, count in rejected.items()},
    }
    known = aligned["true_landmarks_provenance"].isin(_TRUSTED)
    unmasked = aligned["mask"] != "yes"
    if (known & unmasked).any():
        figures["accepted_share_unmasked"] = float(accepted[known & unmasked].mean())
    if (known & accepted).any():
        errors = landmark_errors[(known & accepted).to_numpy()]
        figures["landmark_error_of_eye_distance_median"] = float(errors.median())
    return figures


def _numbers(found: FoundFace) -> list[float]:
    if found.face is None or found.quality is None:
        return [float("nan")] * len(_FOUND)
    quality = [float(getattr(found.quality, name)) for name in QUALITY_COLUMNS]
    return [*found.face.landmarks_px.reshape(-1).tolist(), *found.face.box_px, *quality]
