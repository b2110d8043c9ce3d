"""IARPA Janus Benchmarks B and C (Whitelam et al. 2017, Maze et al. 2018): faces and templates.

`meta/` holds the lists (`data.sources.ijb_lists`), `loose_crop/` the photos. A template is a set of
photos of one person, and the published pairs compare templates. Landmarks and score are those of
the published list and are marked as predicted.

The lists name no people. A subject here is what hangs together by genuine pairs; a template in no
genuine pair stands for itself. Two subjects may be one person, so only the published pairs are to
be believed, and nobody of IJB is to be trained on.
"""

from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from data.errors import SourceError
from data.manifest import SOURCE_SCHEMA, validate, with_source_columns
from data.published import PublishedPairs
from data.sources.base import Progress, SourceData
from data.sources.components import components
from data.sources.copying import copy_photos, path_fault
from data.sources.ijb_lists import read_faces, read_template_pairs

LANDMARKS_PROVENANCE: Final = "predicted:ijb_name_5pts_score"


class IjbConfig(BaseModel):
    """Which benchmark, and where it lies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str = Field(min_length=1)
    """Below the folder of data sets; holds `meta/` and `loose_crop/`."""
    benchmark: Literal["ijbb", "ijbc"]
    """What the names of the lists begin with."""


class IjbSource:
    """IJB-B or IJB-C as a source of photographs and of pairs of templates."""

    def __init__(self, config: IjbConfig, data_dir: Path) -> None:
        """Keep the place; nothing is read yet."""
        self.root = data_dir / config.folder
        self.benchmark = config.benchmark

    def materialise(self, folder: Path, workers: int, progress: Progress) -> SourceData:
        """Copy the photos to `<folder>/<name>`; returns their rows and the pairs of templates.

        Raises `SourceError` that names the list and line, or the photo.
        """
        found = self.look()
        paths = list(found.table["path"])
        copy_photos(self.root / "loose_crop", paths, folder, workers, progress)
        return found

    def look(self) -> SourceData:
        """Rows and pairs without a copy; paths are below `loose_crop/`. Raises as `materialise`."""
        pairs = read_template_pairs(self.root / "meta", self.benchmark)
        faces = read_faces(self.root / "meta", self.benchmark)
        self._check_templates(faces, pairs)
        self._check_photos(faces["photo"])
        table = validate(self._rows(faces, pairs), SOURCE_SCHEMA, str(self.root / "meta"))
        return SourceData(table, pairs)

    def _check_templates(self, faces: pd.DataFrame, pairs: PublishedPairs) -> None:
        missing = set(pairs.ids) - set(faces["template_id"])
        if missing:
            raise SourceError(
                f"{self.root}: {len(missing)} templates of the pairs have no photo, such as"
                f" {min(missing)}"
            )

    def _check_photos(self, photos: pd.Series) -> None:
        for row, photo in enumerate(photos):
            fault = path_fault(self.root / "loose_crop", photo)
            if fault:
                name = f"{self.benchmark}_face_tid_mid.txt"
                raise SourceError(f"{self.root / 'meta' / name}:{row + 1}: {photo!r} {fault}")

    def _rows(self, faces: pd.DataFrame, pairs: PublishedPairs) -> pd.DataFrame:
        stems = self.benchmark + "/" + faces["photo"].str.replace(r"\.[^.]*$", "", regex=True)
        table = faces.rename(columns={"photo": "path"}).assign(
            image_id=stems,
            subject_id=self._subjects(faces["template_id"], pairs),
            true_landmarks_provenance=LANDMARKS_PROVENANCE,
        )
        return with_source_columns(table)

    def _subjects(self, templates: pd.Series, pairs: PublishedPairs) -> pd.Series:
        """Name each photo's person after the first template that must show the same one."""
        left, right = pairs.left[pairs.is_genuine], pairs.right[pairs.is_genuine]
        first = np.array(pairs.ids, dtype=object)[components(len(pairs.ids), left, right)]
        known = dict(zip(pairs.ids, first, strict=True))
        return f"{self.benchmark}/t" + templates.map(lambda template: known.get(template, template))
