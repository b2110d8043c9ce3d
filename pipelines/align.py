"""Stage `align`: find the face in each photo, measure it, cut the crop, or say why not."""

from dataclasses import asdict

import numpy as np
import pandas as pd

from data.detection.mtcnn_weights import build_mtcnn
from data.face import CROP_SIZE_PX
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
from pipelines.environment import usable_workers
from pipelines.layout import Layout
from pipelines.params import Params
from pipelines.photo_aligner import FoundFace, look_at_all
from pipelines.stage import progress


def align(params: Params, layout: Layout) -> None:
    """Write `artifacts/align`: `manifest.parquet`, `crops_rgb_u8.npy` and `detector/`."""
    table = read_manifest(layout.source_manifest, SOURCE_SCHEMA)
    with whole_folder(layout.aligned) as folder:
        build_mtcnn(folder / layout.detector.name)
        paths = [layout.photos / path for path in table["path"]]
        found = list(
            look_at_all(
                paths,
                folder / layout.detector.name,
                params.align.detector,
                params.align.face_policy,
                usable_workers(),
                progress("align"),
            )
        )
        crops = [face.crop_rgb_u8 for face in found if face.crop_rgb_u8 is not None]
        stacked = np.stack(crops) if crops else np.zeros((0, CROP_SIZE_PX, CROP_SIZE_PX, 3), "u1")
        np.save(folder / layout.crops.name, stacked, allow_pickle=False)
        aligned = _with_faces(table, found)
        write_manifest(aligned, folder / layout.aligned_manifest.name, ALIGNED_SCHEMA)
    write_json(layout.metrics("align"), summary(aligned))


def summary(aligned: pd.DataFrame) -> dict[str, object]:
    """Acceptance, reject reasons, and the landmark error where the truth is known."""
    accepted = aligned["reject_reason"].isna()
    rejected = aligned.loc[~accepted, "reject_reason"].value_counts()
    figures: dict[str, object] = {
        "num_photos": len(aligned),
        "accepted_share": float(accepted.mean()),
        "rejected": {str(reason): int(count) for reason, count in rejected.items()},
    }
    unmasked = aligned["mask"] != "yes"
    if unmasked.any() and aligned.loc[unmasked, TRUE_LANDMARK_COLUMNS[0]].notna().any():
        figures["accepted_share_unmasked"] = float(accepted[unmasked].mean())
        figures["landmark_error_of_eye_distance_median"] = _landmark_error(aligned[accepted])
    return figures


def _landmark_error(rows: pd.DataFrame) -> float:
    """Median over photos of the mean landmark distance, as a share of the true eye distance."""
    true = rows[list(TRUE_LANDMARK_COLUMNS)].to_numpy(float).reshape(-1, 5, 2)
    found = rows[list(LANDMARK_COLUMNS)].to_numpy(float).reshape(-1, 5, 2)
    eyes = np.linalg.norm(true[:, 1] - true[:, 0], axis=-1)
    return float(np.median(np.linalg.norm(found - true, axis=-1).mean(1) / eyes))


def _with_faces(table: pd.DataFrame, found: list[FoundFace]) -> pd.DataFrame:
    rows = pd.DataFrame([_columns(face) for face in found], index=table.index)
    accepted = rows["reject_reason"].isna()
    rows["crop_index"] = np.where(accepted, accepted.cumsum() - 1, -1)
    return pd.concat([table, rows], axis=1)


def _columns(found: FoundFace) -> dict[str, float | str | None]:
    if found.face is None or found.quality is None:
        empty = dict.fromkeys((*LANDMARK_COLUMNS, *BOX_COLUMNS, *QUALITY_COLUMNS), float("nan"))
        return {**empty, "reject_reason": found.reject_reason}
    landmarks = found.face.landmarks_px.reshape(-1).tolist()
    return {
        **dict(zip(LANDMARK_COLUMNS, landmarks, strict=True)),
        **dict(zip(BOX_COLUMNS, found.face.box_px, strict=True)),
        **asdict(found.quality),
        "reject_reason": None,
    }
