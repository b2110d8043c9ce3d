"""Crops that `align` leaves in the records of their source: which record each of them is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from data.photos import RECORD_PATH
from data.recordio.index import Int64s
from pipelines.errors import StageError


@dataclass(frozen=True, slots=True)
class CropRecords:
    """Where the crops are."""

    file: str
    """The `.rec` below the photos folder."""
    keys: Int64s
    """(n,) key of each crop, in the order of `crop_index`."""


def crop_records(paths: Sequence[str]) -> CropRecords:
    """Take records by their paths in a manifest.

    Raises `StageError` where there is none, where one is no record, or of another file.
    """
    if not paths:
        raise StageError("no photo has a face that may be used, and so there is no crop")
    file, keys = "", np.empty(len(paths), np.int64)
    for row, path in enumerate(paths):
        record = RECORD_PATH.fullmatch(path)
        if record is None or record["file"] != (file or record["file"]):
            raise StageError(
                f"{path} is no record of {file or 'a .rec file'}, and crops cannot be left there;"
                " set align.crops to `packed`"
            )
        file, keys[row] = record["file"], int(record["key"])
    return CropRecords(file, keys)


def write_crop_records(records: CropRecords, path: Path) -> None:
    """Write into a folder that the caller completes."""
    np.savez(path, keys=records.keys, records_file=np.array(records.file))


def read_crop_records(path: Path) -> CropRecords:
    """Read what `write_crop_records` wrote; raises `StageError` where that is not there."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
            return CropRecords(str(found["records_file"]), found["keys"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise StageError(
            f"{path.parent}: cannot be read as crops ({error}); `dvc repro align`"
        ) from error
