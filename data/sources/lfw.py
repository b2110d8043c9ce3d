"""Labeled Faces in the Wild (Huang et al. 2007): `images/<Person>/<Person>_0001.jpg`, `pairs.txt`.

The photos are copied, so that the pipeline's own folder is the versioned data. Gender comes from a
third-party table of unchecked labels and is marked so. LFW is research data.
"""

import shutil
from pathlib import Path
from typing import Final

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from data.errors import SourceError
from data.lfw_pairs import read_lfw_pairs
from data.manifest import ATTRIBUTES, SOURCE_SCHEMA, TRUE_LANDMARK_COLUMNS, validate
from data.sources.base import Progress

GENDER_PROVENANCE: Final = "predicted:lfw_third_party_labels"
_GENDERS: Final = {"male": "masculine", "female": "feminine"}


class LfwConfig(BaseModel):
    """Where LFW lies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str = Field(default="lfw", min_length=1)
    """Below the folder of data sets; holds `images/`, `pairs.txt` and, at will, `meta.csv`."""


class LfwSource:
    """LFW as a source of photographs."""

    def __init__(self, config: LfwConfig, data_dir: Path) -> None:
        """Keep the place; nothing is read yet."""
        self.root = data_dir / config.folder

    def materialise(self, folder: Path, workers: int, progress: Progress) -> pd.DataFrame:  # noqa: ARG002 - copying is bound by the disk, not by workers
        """Copy the photos to `<folder>/<Person>/` and return their rows (`SOURCE_SCHEMA`).

        Raises `SourceError` where there are no photos, or where a photo of the pairs is missing.
        """
        photos = sorted((self.root / "images").glob("*/*.jpg"))
        if not photos:
            raise SourceError(
                f"{self.root / 'images'} holds no photos; put LFW's image folder there"
            )
        self._check_pairs({photo.stem for photo in photos})
        for done, photo in enumerate(photos, start=1):
            target = folder / photo.parent.name / photo.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(photo, target)
            progress(done, len(photos))
        return validate(self._rows(photos), SOURCE_SCHEMA, "lfw")

    @property
    def pairs(self) -> Path:
        """The official verification protocol."""
        return self.root / "pairs.txt"

    def _check_pairs(self, image_ids: set[str]) -> None:
        pairs = read_lfw_pairs(self.pairs)
        missing = sorted({*pairs.left_image_ids, *pairs.right_image_ids} - image_ids)
        if missing:
            raise SourceError(
                f"{self.root}: {len(missing)} photos of pairs.txt are missing, such as {missing[0]}"
            )

    def _rows(self, photos: list[Path]) -> pd.DataFrame:
        table = pd.DataFrame(
            {
                "image_id": [photo.stem for photo in photos],
                "subject_id": [photo.parent.name for photo in photos],
                "path": [f"{photo.parent.name}/{photo.name}" for photo in photos],
            }
        )
        empty = ["capture_kind", *ATTRIBUTES, *(f"{name}_provenance" for name in ATTRIBUTES)]
        table = table.assign(**dict.fromkeys(empty))
        table = table.assign(**dict.fromkeys(TRUE_LANDMARK_COLUMNS, float("nan")))
        table["gender"] = table["subject_id"].map(self._genders())
        table.loc[table["gender"].notna(), "gender_provenance"] = GENDER_PROVENANCE
        return table

    def _genders(self) -> dict[str, str]:
        labels = self.root / "meta.csv"
        if not labels.exists():
            return {}
        known = pd.read_csv(labels, usecols=["identity", "gender"]).dropna()
        named = known["gender"].astype(str).str.lower().map(_GENDERS)
        return dict(zip(known["identity"], named, strict=True))
