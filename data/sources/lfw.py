"""Labeled Faces in the Wild (Huang et al. 2007): `images/<Person>/<Person>_0001.jpg`, `pairs.txt`.

The photos are copied, so that the pipeline's own folder is the versioned data. Gender and landmarks
come from a third-party table, `meta.csv`, of unchecked labels and are marked so. LFW is research
data.
"""

from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from data.errors import SourceError
from data.lfw_pairs import read_lfw_pairs
from data.manifest import SOURCE_SCHEMA, validate, with_source_columns
from data.published import PublishedPairs
from data.sources.base import Progress, SourceData
from data.sources.copying import copy_photos
from data.sources.lfw_labels import read_lfw_labels, with_labels


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

    def materialise(self, folder: Path, workers: int, progress: Progress) -> SourceData:
        """Copy the photos to `<folder>/<Person>/`; returns their rows and the official pairs.

        Raises `SourceError` where there are no photos, where a photo of the pairs is missing, or
        that names the row of `meta.csv` that is not as it should be.
        """
        photos = sorted((self.root / "images").glob("*/*.jpg"))
        if not photos:
            raise SourceError(
                f"{self.root / 'images'} holds no photos; put LFW's image folder there"
            )
        pairs = self._pairs({photo.stem for photo in photos})
        rows = self._rows(photos)
        copy_photos(self.root / "images", list(rows["path"]), folder, workers, progress)
        return SourceData(validate(rows, SOURCE_SCHEMA, "lfw"), pairs)

    def _pairs(self, image_ids: set[str]) -> PublishedPairs:
        pairs = read_lfw_pairs(self.root / "pairs.txt")
        missing = sorted(set(pairs.ids) - image_ids)
        if missing:
            raise SourceError(
                f"{self.root}: {len(missing)} photos of pairs.txt are missing, such as {missing[0]}"
            )
        return pairs

    def _rows(self, photos: list[Path]) -> pd.DataFrame:
        table = pd.DataFrame(
            {
                "image_id": [photo.stem for photo in photos],
                "subject_id": [photo.parent.name for photo in photos],
                "path": [f"{photo.parent.name}/{photo.name}" for photo in photos],
            }
        )
        labels = self.root / "meta.csv"
        if labels.exists():
            table = with_labels(table, read_lfw_labels(labels))
        return with_source_columns(table)
