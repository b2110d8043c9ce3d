"""MXNet RecordIO as a source: a training set such as MS1MV3, `train.rec` with `train.idx`.

The file is linked into the pipeline's folder as it is; a part of it is written anew, small, with
the keys it had. A row's path is `train.rec#<key>`, its subject the label. Records whose label is
below 0 belong to nobody and are left out, with a line in the log that counts them.
"""

import logging
import os
import shutil
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from data.errors import SourceError
from data.manifest import SOURCE_SCHEMA, validate, with_source_columns
from data.photos import record_path
from data.recordio.index import Int64s, write_index
from data.recordio.labels import PictureLabels, read_labels
from data.recordio.reader import RecordFile, map_file
from data.recordio.scan import scan_index
from data.recordio.writer import INDEX_FILE, RECORDS_FILE, RecordWriter
from data.sources.aligned_crops import is_aligned_crop, with_template_landmarks
from data.sources.base import Progress, SourceData

_STEP: Final = 1 << 14


class RecordIoConfig(BaseModel):
    """Which file, and how much of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(min_length=1)
    """Below the folder of data sets; the `.idx` lies beside it, or is made by a scan."""
    max_identities: int | None = Field(default=None, ge=1)
    """People to take, from the lowest label on; None: all."""
    max_records_per_identity: int | None = Field(default=None, ge=1)
    """Pictures to take of each, from the lowest key on; None: all."""
    stated_identities: int | None = Field(default=None, ge=1)
    """How many people the whole file must hold, as its publisher says; None: not checked."""
    stated_pictures: int | None = Field(default=None, ge=1)
    """How many pictures of somebody it must hold."""


class RecordIoSource:
    """A RecordIO file as a source of photographs."""

    def __init__(self, config: RecordIoConfig, data_dir: Path) -> None:
        """Keep the place; nothing is read yet."""
        self.path = data_dir / config.file
        self.config = config

    def materialise(self, folder: Path, workers: int, progress: Progress) -> SourceData:  # noqa: ARG002 - bound by the disk
        """Put `train.rec` and `train.idx` into `folder`; returns a row for each picture.

        Raises `SourceError` that names the file and the record.
        """
        folder.mkdir(parents=True, exist_ok=True)
        whole = self._open(folder)
        found = self._taken(whole)
        target = folder / RECORDS_FILE
        if self._takes_all():
            _link(self.path, target)
        else:
            _write_part(whole, found.keys, target)
        return SourceData(self._rows(RecordFile.open(target), found, progress))

    def look(self) -> tuple[RecordFile, PictureLabels]:
        """The file, and the pictures that `materialise` would take; nothing is written.

        Raises as `materialise`.
        """
        if self.path.with_suffix(".idx").exists():
            file = RecordFile.open(self.path)
        else:
            file = RecordFile(self.path, map_file(self.path), scan_index(self.path))
        return file, self._taken(file)

    def _taken(self, whole: RecordFile) -> PictureLabels:
        labels = read_labels(whole)
        _check_stated(labels, self.config, self.path)
        found = self._chosen(labels)
        if not len(found.keys):
            raise SourceError(f"{self.path}: it holds no picture with a label")
        return found

    def _open(self, folder: Path) -> RecordFile:
        """The source, its index brought to `folder` or made there."""
        index_path, target = self.path.with_suffix(".idx"), folder / INDEX_FILE
        if not index_path.exists():
            write_index(scan_index(self.path), target)
            return RecordFile.open(self.path, target)
        _link(index_path, target)
        return RecordFile.open(self.path, index_path)

    def _takes_all(self) -> bool:
        return self.config.max_identities is None and self.config.max_records_per_identity is None

    def _chosen(self, found: PictureLabels) -> PictureLabels:
        labels = pd.Series(found.labels)
        is_taken = labels >= 0
        if not is_taken.all():
            logging.getLogger(__name__).warning(
                "%s: %d records have no identity (label below 0) and are left out",
                self.path,
                (~is_taken).sum(),
            )
        if self.config.max_identities is not None:
            is_taken &= labels.isin(np.unique(labels[is_taken])[: self.config.max_identities])
        if self.config.max_records_per_identity is not None:
            is_taken &= labels.groupby(labels).cumcount() < self.config.max_records_per_identity
        rows = is_taken.to_numpy()
        return PictureLabels(found.keys[rows], found.labels[rows], found.num_metadata)

    def _rows(self, file: RecordFile, found: PictureLabels, progress: Progress) -> pd.DataFrame:
        subjects = [subject_of(label) for label in found.labels.tolist()]
        keys = found.keys.tolist()
        table = pd.DataFrame(
            {
                "image_id": [f"{s}/{key:08d}" for s, key in zip(subjects, keys, strict=True)],
                "subject_id": subjects,
                "path": [record_path(RECORDS_FILE, key) for key in keys],
            }
        )
        is_crop = pd.Series(_aligned(file, found.keys, progress))
        table = with_template_landmarks(table, is_crop)
        return validate(with_source_columns(table), SOURCE_SCHEMA, str(self.path))


def subject_of(label: int) -> str:
    """Name of a person in a manifest."""
    return f"{label:07d}"


def _check_stated(found: PictureLabels, config: RecordIoConfig, path: Path) -> None:
    known = found.labels[found.labels >= 0]
    _check_count(len(known), config.stated_pictures, "pictures", path)
    _check_count(len(np.unique(known)), config.stated_identities, "identities", path)


def _check_count(count: int, stated: int | None, what: str, path: Path) -> None:
    if stated is not None and count != stated:
        raise SourceError(
            f"{path}: it holds {count:,} {what} and {stated:,} are stated; it is another edition of"
            f" the set or cut short: fetch it again, or set ingest.source.stated_{what} to null"
        )


def _aligned(file: RecordFile, keys: Int64s, progress: Progress) -> list[bool]:
    """Which records are aligned crops; reads every picture's header once."""
    answers: list[bool] = []
    for start in range(0, len(keys), _STEP):
        batch = file.read_batch(keys[start : start + _STEP])
        answers += [is_aligned_crop(bytes(picture)) for picture in batch]
        file.forget_pages()
        progress(len(answers), len(keys))
    return answers


def _link(source: Path, target: Path) -> None:
    """Hard link where the file system can, because these files have tens of gigabytes."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _write_part(whole: RecordFile, keys: Int64s, target: Path) -> None:
    with target.open("wb") as stream:
        writer = RecordWriter(stream)
        for key in keys.tolist():
            writer.write(key, bytes(whole.read(key)))
    index_path = target.with_suffix(".idx")
    index_path.unlink()  # may be a link to the source's own, which must not be written to
    write_index(writer.index(target), index_path)
