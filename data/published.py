"""Comparisons that were published with a data set: `protocol.parquet`, one row for each pair.

Columns: left_id, right_id (str), is_genuine (bool), fold (nullable Int64). The file's metadata says
what an id names, `unit` = image or template. In memory a pair is two positions in a list of names,
because a published protocol may hold 15.7 million pairs of 23,124 templates.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.errors import SourceError
from data.files import whole_file
from data.pairs import Flags, Pairs, Rows

Unit = Literal["image", "template"]
Codes = NDArray[np.int32]

UNIT_COLUMNS: Final = {"image": "image_id", "template": "template_id"}
"""Manifest column that a unit's ids stand in."""
_SCHEMA: Final = pa.schema(
    [
        pa.field("left_id", pa.string(), nullable=False),
        pa.field("right_id", pa.string(), nullable=False),
        pa.field("is_genuine", pa.bool_(), nullable=False),
        pa.field("fold", pa.int64()),
    ]
)
_ROWS_AT_ONCE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class PublishedPairs:
    """A published protocol; arrays of equal length (num_pairs,), in the published order."""

    ids: tuple[str, ...]
    """Names of all images or templates that occur, each once."""
    left: Codes
    """Position of the first name in `ids`."""
    right: Codes
    """Position of the second name in `ids`."""
    is_genuine: Flags
    """True where both show one person."""
    fold: Rows | None = None
    """Fold, counted from 0, or None where the protocol has none."""
    unit: Unit = "image"
    """What an id names: a row's `image_id`, or the `template_id` that several rows share."""

    def __post_init__(self) -> None:
        arrays = [a for a in (self.left, self.right, self.is_genuine, self.fold) if a is not None]
        if len({a.shape for a in arrays}) != 1 or self.left.ndim != 1:
            raise SourceError(
                f"the columns of a protocol have the shapes {[a.shape for a in arrays]}"
            )
        for codes in (self.left, self.right):
            if len(codes) and not 0 <= codes.min() <= codes.max() < len(self.ids):
                raise SourceError("a pair of a protocol points outside its list of names")

    def __len__(self) -> int:
        return len(self.left)

    @property
    def left_ids(self) -> NDArray[np.object_]:
        """Names on the left (num_pairs,)."""
        return np.asarray(self.ids, dtype=object)[self.left]

    @property
    def right_ids(self) -> NDArray[np.object_]:
        """Names on the right (num_pairs,)."""
        return np.asarray(self.ids, dtype=object)[self.right]

    def on(self, ids: Sequence[str]) -> Pairs:
        """Express the pairs as positions in a sequence of image or template ids.

        Raises `SourceError` that names the first id that the sequence lacks.
        """
        position = {name: row for row, name in enumerate(ids)}
        rows = np.empty(len(self.ids), dtype=np.int64)
        for code, name in enumerate(self.ids):
            if name not in position:
                raise SourceError(f"{self.unit} {name!r} of the protocol is not in the manifest")
            rows[code] = position[name]
        return Pairs(rows[self.left], rows[self.right], self.is_genuine, self.fold)

    def subjects_in(self, table: pd.DataFrame) -> frozenset[str]:
        """Everybody of a manifest who occurs in the protocol; nobody of them may be trained on.

        Raises `SourceError` that names the first image or template that the manifest lacks.
        """
        column = UNIT_COLUMNS[self.unit]
        missing = set(self.ids) - set(table[column].dropna())
        if missing:
            raise SourceError(
                f"{len(missing)} {self.unit}s of the protocol are not in the manifest, such as"
                f" {min(missing)!r}; ingest the whole data set"
            )
        return frozenset(table.loc[table[column].isin(self.ids), "subject_id"])


def published_pairs(
    left_ids: Iterable[str] | pa.ChunkedArray,
    right_ids: Iterable[str] | pa.ChunkedArray,
    is_genuine: Flags,
    fold: Rows | None = None,
    unit: Unit = "image",
) -> PublishedPairs:
    """Make a protocol of names, or of Arrow columns of names or numbers, for both sides."""
    left, right = _column(left_ids), _column(right_ids)
    codes, ids = _coded(pa.chunked_array([*left.chunks, *right.chunks], left.type))
    return PublishedPairs(ids, codes[: len(left)], codes[len(left) :], is_genuine, fold, unit)


def write_published(pairs: PublishedPairs, path: Path) -> None:
    """Write a protocol, whole or not at all; equal pairs are an equal file."""
    schema = _SCHEMA.with_metadata({"unit": pairs.unit})
    with whole_file(path) as partial, pq.ParquetWriter(partial, schema) as writer:
        for batch in _batches(pairs, schema):
            writer.write_batch(batch)


def read_published(path: Path) -> PublishedPairs:
    """Read a protocol; raises `SourceError` that names the file, and row and column of a fault."""
    try:
        with pq.ParquetFile(path, read_dictionary=["left_id", "right_id"]) as stream:
            table = stream.read()
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read as a protocol ({error})") from error
    unit = _unit(path, table)
    _check_columns(path, table)
    left, right = table["left_id"], table["right_id"]
    names = pa.chunked_array([*left.chunks, *right.chunks], left.type)
    codes, ids = _coded(names)
    is_genuine = table["is_genuine"].to_numpy()
    return PublishedPairs(
        ids, codes[: len(table)], codes[len(table) :], is_genuine, _fold(path, table), unit
    )


def _column(names: Iterable[str] | pa.ChunkedArray) -> pa.ChunkedArray:
    if isinstance(names, pa.ChunkedArray):
        return names
    return pa.chunked_array([pa.array(names, pa.string())])


def _coded(names: pa.ChunkedArray) -> tuple[Codes, tuple[str, ...]]:
    if not pa.types.is_dictionary(names.type):
        names = pc.dictionary_encode(names)
    chunks = names.unify_dictionaries().chunks
    ids = tuple(chunks[0].dictionary.cast(pa.string()).to_pylist()) if chunks else ()
    codes = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in chunks]
    return np.concatenate([np.zeros(0, np.int32), *codes]).astype(np.int32, copy=False), ids


def _batches(pairs: PublishedPairs, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    ids = pa.array(pairs.ids, pa.string())
    for start in range(0, len(pairs), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        genuine = pairs.is_genuine[part]
        fold = [None] * len(genuine) if pairs.fold is None else pairs.fold[part]
        columns = [
            ids.take(pa.array(pairs.left[part])),
            ids.take(pa.array(pairs.right[part])),
            pa.array(genuine),
            pa.array(fold, pa.int64()),
        ]
        yield pa.record_batch(columns, schema=schema)


def _unit(path: Path, table: pa.Table) -> Unit:
    unit = (table.schema.metadata or {}).get(b"unit", b"").decode(errors="replace")
    for known in get_args(Unit):
        if unit == known:
            return known  # type: ignore[no-any-return]  # get_args has no type
    raise SourceError(f"{path}: the metadata `unit` is {unit!r}; it must be image or template")


def _check_columns(path: Path, table: pa.Table) -> None:
    wanted = {field.name: field.type for field in _SCHEMA}
    for name, kind in wanted.items():
        if name not in table.column_names:
            raise SourceError(f"{path}: column {name!r} is missing; run `dvc repro ingest`")
        found = table.schema.field(name).type
        found = found.value_type if pa.types.is_dictionary(found) else found
        if found != kind:
            raise SourceError(f"{path}: column {name!r} holds {found}, not {kind}")
        if name != "fold" and table[name].null_count:
            raise SourceError(f"{path}: row {_first_null(table[name])}, column {name!r}: is null")


def _fold(path: Path, table: pa.Table) -> Rows | None:
    fold = table["fold"]
    if fold.null_count == len(fold):
        return None
    if fold.null_count:
        raise SourceError(
            f"{path}: row {_first_null(fold)}, column 'fold': is null, and other rows have a fold"
        )
    folds: Rows = fold.to_numpy()
    return folds


def _first_null(column: pa.ChunkedArray) -> int:
    return int(pc.index(pc.is_null(column), value=True).as_py())
