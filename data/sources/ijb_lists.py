"""The lists of IJB-B and IJB-C in `meta/`, as published with InsightFace's evaluation; no header.

- `<name>_face_tid_mid.txt`: photo, template, medium (a still, or the video that a frame is from);
- `<name>_name_5pts_score.txt`: photo, x and y of five landmarks, the detector's score;
- `<name>_template_pair_label.txt`: template, template, 1 for genuine or 0 for impostor.
Fields are separated by one space. 15.7 million pairs are read into arrays, never into objects.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from data.errors import SourceError
from data.manifest import TRUE_LANDMARK_COLUMNS
from data.pairs import Flags
from data.published import PublishedPairs, published_pairs

_SCORE: Final = "true_landmarks_confidence"


def read_faces(meta: Path, name: str) -> pd.DataFrame:
    """Read photo, template_id, media_id (str), landmarks and score, a row for each photo.

    Raises `SourceError` that names the file and line.
    """
    lists = meta / f"{name}_face_tid_mid.txt", meta / f"{name}_name_5pts_score.txt"
    templates = _read(
        lists[0], {"photo": pa.string(), "template": pa.int64(), "medium": pa.int64()}
    )
    points = _read(
        lists[1],
        {"photo": pa.string(), **dict.fromkeys((*TRUE_LANDMARK_COLUMNS, _SCORE), pa.float64())},
    )
    photos = [table["photo"].to_pandas() for table in (templates, points)]
    for path, found in zip(lists, photos, strict=True):
        _check(path, found.duplicated().to_numpy(), "the photo is listed again")
    _check_same(lists[0], photos[0], lists[1], photos[1])
    faces: pd.DataFrame = points.to_pandas().set_index("photo").loc[photos[0]].reset_index()
    faces.insert(1, "template_id", templates["template"].cast(pa.string()).to_pandas())
    faces.insert(2, "media_id", templates["medium"].cast(pa.string()).to_pandas())
    return faces


def read_template_pairs(meta: Path, name: str) -> PublishedPairs:
    """Read the verification protocol between templates, in the published order.

    Raises `SourceError` that names the file and line.
    """
    path = meta / f"{name}_template_pair_label.txt"
    table = _read(path, {"left": pa.int32(), "right": pa.int32(), "label": pa.int8()})
    label = table["label"].to_numpy()
    _check(path, (label != 0) & (label != 1), "the label is neither 0 nor 1")
    _check(
        path,
        pc.equal(table["left"], table["right"]).to_numpy(),
        "a template is compared with itself",
    )
    return published_pairs(table["left"], table["right"], label.astype(np.bool_), unit="template")


def _check(path: Path, wrong: Flags, what: str) -> None:
    if wrong.any():
        raise SourceError(f"{path}:{int(wrong.argmax()) + 1}: {what}")


def _read(path: Path, columns: dict[str, pa.DataType]) -> pa.Table:
    try:
        return pa.csv.read_csv(
            path,
            # One thread, because the reader can name a line only then.
            read_options=pa.csv.ReadOptions(use_threads=False, column_names=list(columns)),
            parse_options=pa.csv.ParseOptions(
                delimiter=" ", quote_char=False, ignore_empty_lines=False
            ),
            convert_options=pa.csv.ConvertOptions(column_types=columns, null_values=[]),
        )
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{path}: cannot be read as a list of {len(columns)} fields ({error})"
        ) from error


def _check_same(one: Path, photos: pd.Series, other: Path, others: pd.Series) -> None:
    for path, found, lacking, there in (
        (one, photos, other, others),
        (other, others, one, photos),
    ):
        _check(path, ~found.isin(there).to_numpy(), f"the photo is not in {lacking.name}")
