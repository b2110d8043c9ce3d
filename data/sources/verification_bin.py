"""Verification sets as `.bin` files: LFW, CFP-FP, AgeDB-30, CALFW, CPLFW, RFW and others.

The images are aligned 112 x 112 crops, so their landmarks are the template. The protocol is the
file's own: pair i is the images 2i and 2i + 1, in ten contiguous folds, never shuffled.

A `.bin` file knows no people. A subject here is what hangs together by genuine pairs and by equal
bytes. Two subjects may therefore be one person; only the file's own impostor pairs are known to be
impostors, and no others may be made of such a set.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from data.errors import ImageError, SourceError
from data.face import CROP_SIZE_PX
from data.files import sha256_bytes
from data.image_headers import read_header
from data.manifest import SOURCE_SCHEMA, validate, with_source_columns
from data.pairs import Flags, Rows
from data.published import PublishedPairs
from data.sources.aligned_crops import with_template_landmarks
from data.sources.base import Progress, SourceData
from data.sources.components import components
from data.sources.two_lists import read_two_lists

NUM_FOLDS: Final = 10


class VerificationBinConfig(BaseModel):
    """Which file, and how strictly its folds are taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(min_length=1)
    """The `.bin` below the folder of data sets; its stem names the images."""
    unbalanced_folds: bool = False
    """Accept a file whose folds do not hold as many genuine as impostor pairs."""


class VerificationBinSource:
    """A verification set as a source of aligned crops and their protocol."""

    def __init__(self, config: VerificationBinConfig, data_dir: Path) -> None:
        """Keep the place; nothing is read yet."""
        self.file = data_dir / config.file
        self.config = config

    def materialise(self, folder: Path, workers: int, progress: Progress) -> SourceData:  # noqa: ARG002 - one file is read in one go
        """Write the crops to `<folder>/<stem>/000000.jpg`; returns rows and protocol.

        Raises `SourceError` that names the file, and the byte, image or fold that is wrong.
        """
        images, flags = read_two_lists(self.file)
        is_genuine = np.array(flags, dtype=np.bool_)
        fold = self._folds(is_genuine)
        names = [self._name(number, content) for number, content in enumerate(images)]
        (folder / self.file.stem).mkdir(parents=True, exist_ok=True)
        for done, (name, content) in enumerate(zip(names, images, strict=True), start=1):
            (folder / name).write_bytes(content)
            progress(done, len(images))
        table = self._rows(names, images, is_genuine)
        ids = tuple(table["image_id"])
        left = np.arange(0, len(ids), 2, dtype=np.int32)
        protocol = PublishedPairs(ids, left, left + np.int32(1), is_genuine, fold)
        return SourceData(validate(table, SOURCE_SCHEMA, str(self.file)), protocol)

    def _folds(self, is_genuine: Flags) -> Rows:
        parts = np.array_split(is_genuine, NUM_FOLDS)
        for number, part in enumerate(parts):
            if not self.config.unbalanced_folds and 2 * int(part.sum()) != len(part):
                raise SourceError(
                    f"{self.file}: fold {number} holds {int(part.sum())} genuine of {len(part)}"
                    " pairs; the published sets have as many impostors. Set unbalanced_folds: true"
                    " if this set is meant so"
                )
        return np.repeat(np.arange(NUM_FOLDS), [len(part) for part in parts])

    def _name(self, number: int, content: bytes) -> str:
        try:
            header = read_header(content)
        except ImageError as error:
            raise SourceError(f"{self.file}: image {number}: {error}") from error
        if (header.width, header.height) != (CROP_SIZE_PX, CROP_SIZE_PX):
            raise SourceError(
                f"{self.file}: image {number} has {header.width} x {header.height} pixels; an"
                f" aligned crop has {CROP_SIZE_PX} x {CROP_SIZE_PX}"
            )
        suffix = "jpg" if header.kind == "jpeg" else header.kind
        return f"{self.file.stem}/{number:06d}.{suffix}"

    def _rows(self, names: list[str], images: list[bytes], is_genuine: Flags) -> pd.DataFrame:
        subjects = _subjects(images, is_genuine)
        table = pd.DataFrame(
            {
                "image_id": [name.rpartition(".")[0] for name in names],
                "subject_id": [f"{self.file.stem}/s{subject:06d}" for subject in subjects],
                "path": names,
            }
        )
        are_crops = pd.Series(data=True, index=table.index)
        return with_source_columns(with_template_landmarks(table, are_crops))


def _subjects(images: list[bytes], is_genuine: Flags) -> Rows:
    """Number each image by the first image that must show the same person."""
    first: dict[str, int] = {}
    equal = [first.setdefault(sha256_bytes(content), n) for n, content in enumerate(images)]
    genuine = 2 * np.flatnonzero(is_genuine)
    left = np.concatenate([np.arange(len(images)), genuine])
    return components(len(images), left, np.concatenate([np.array(equal), genuine + 1]))
