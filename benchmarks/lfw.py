"""LFW's photos with the landmarks and genders of its `meta.csv`, for the benchmarks."""

from pathlib import Path

import pandas as pd

from data.alignment import align
from data.face import RgbU8
from data.images import decode_image
from data.manifest import TRUE_LANDMARK_COLUMNS, landmarks_of
from data.sources.lfw_labels import read_lfw_labels


def labelled_photos(folder: Path) -> pd.DataFrame:
    """Photos in the order of `meta.csv`: path below `images/`, subject_id, gender, landmarks."""
    return read_lfw_labels(folder / "meta.csv").rename_axis("path").reset_index()


def picture_of(folder: Path, photo: pd.Series) -> RgbU8:
    """Decode one of them."""
    return decode_image((folder / "images" / str(photo["path"])).read_bytes())


def crop_of(folder: Path, photo: pd.Series) -> RgbU8:
    """Its aligned crop (112, 112, 3), by the landmarks of the table."""
    return align(picture_of(folder, photo), landmarks_of(photo, TRUE_LANDMARK_COLUMNS))
