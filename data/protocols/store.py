"""Protocols on disk: `<name>.parquet`, `<name>.templates.parquet` and `index.json` in one folder.

Columns of a protocol: left_image_id, right_image_id (str; template ids where the unit is a
template), is_genuine (bool), and where there are any bin (str), fold and rank (int64), all three
null for a pair that has none.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from data.errors import ProtocolError
from data.files import read_json, whole_file, write_json
from data.pairs import Pairs, Rows
from data.protocols.index import ProtocolEntry
from data.protocols.protocol import NOT_MINED, Bins, PairProtocol

INDEX_FILE: Final = "index.json"
TEMPLATE_COLUMNS: Final = ("template_id", "media_id", "image_id", "subject_id")
_INDEX: Final = TypeAdapter(dict[str, ProtocolEntry])
_AGAIN: Final = "run `dvc repro curate`"


@dataclass(frozen=True, slots=True)
class StoredProtocol:
    """A protocol with its entry of the index, as it is written."""

    entry: ProtocolEntry
    protocol: PairProtocol
    templates: pd.DataFrame | None = None
    """`TEMPLATE_COLUMNS`, one row for each photo of each template."""


def write_protocols(protocols: Mapping[str, StoredProtocol], folder: Path) -> None:
    """Write protocols and their index into a folder; the index comes last."""
    for name, stored in protocols.items():
        _write_pairs(stored.protocol, folder / f"{name}.parquet")
        if stored.templates is not None:
            with whole_file(folder / f"{name}.templates.parquet") as partial:
                stored.templates.to_parquet(partial, index=False)
    entries = {name: stored.entry.model_dump(mode="json") for name, stored in protocols.items()}
    write_json(folder / INDEX_FILE, entries)


def read_index(folder: Path) -> dict[str, ProtocolEntry]:
    """Read what protocols there are. Raises `ProtocolError` where that cannot be told."""
    path = folder / INDEX_FILE
    try:
        return _INDEX.validate_python(read_json(path))
    except (OSError, ValueError, ValidationError) as error:
        raise ProtocolError(f"{path}: cannot be read as an index ({error}); {_AGAIN}") from error


def read_protocol(folder: Path, name: str) -> PairProtocol:
    """Read a protocol and hold its content against the digest of the index.

    Raises `ProtocolError` where it is not in the index, is damaged, or has changed.
    """
    entry = _entry(folder, name)
    path = folder / f"{name}.parquet"
    protocol = _read_pairs(path)
    if protocol.digest() != entry.digest:
        raise ProtocolError(f"{path}: is not the protocol of {INDEX_FILE}; {_AGAIN}")
    return protocol


def read_templates(folder: Path, name: str) -> pd.DataFrame:
    """Read which photos make each template (`TEMPLATE_COLUMNS`), in the order they were written.

    Raises `ProtocolError` where the protocol compares photos, or the file is missing or changed.
    """
    entry = _entry(folder, name)
    if entry.unit != "template":
        raise ProtocolError(f"{name} compares photos, not templates; read the protocol itself")
    path = folder / f"{name}.templates.parquet"
    try:
        table = pd.read_parquet(path, columns=list(TEMPLATE_COLUMNS))
    except (OSError, ValueError) as error:
        raise ProtocolError(f"{path}: cannot be read as templates ({error}); {_AGAIN}") from error
    if templates_digest(table) != entry.templates_digest:
        raise ProtocolError(f"{path}: are not the templates of {INDEX_FILE}; {_AGAIN}")
    return table


def templates_digest(templates: pd.DataFrame) -> str:
    """SHA-256 over the rows of a template table, in hex."""
    found = hashlib.sha256()
    for row in templates[list(TEMPLATE_COLUMNS)].itertuples(index=False):
        found.update("".join(f"{len(str(text))}:{text}" for text in row).encode())
    return found.hexdigest()


def _entry(folder: Path, name: str) -> ProtocolEntry:
    index = read_index(folder)
    if name not in index:
        raise ProtocolError(f"no protocol {name!r} in {folder}; there are {', '.join(index)}")
    return index[name]


def _write_pairs(protocol: PairProtocol, path: Path) -> None:
    plain = protocol.compact()
    ids = pa.array(plain.ids, pa.string())
    columns = {
        "left_image_id": _named(plain.pairs.left, ids),
        "right_image_id": _named(plain.pairs.right, ids),
        "is_genuine": pa.array(plain.pairs.genuine),
    }
    if plain.bins is not None:
        columns["bin"] = pa.array(plain.bins, pa.string())
    if plain.pairs.fold is not None:
        columns["fold"] = pa.array(plain.pairs.fold, pa.int64())
    if plain.ranks is not None:
        columns["rank"] = pa.array(plain.ranks, pa.int64(), mask=plain.ranks == NOT_MINED)
    with whole_file(path) as partial:
        pq.write_table(pa.table(columns), partial, compression="zstd", version="2.6")


def _named(positions: Rows, ids: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(positions.astype(np.int32)), ids)


def _read_pairs(path: Path) -> PairProtocol:
    try:
        table = pq.read_table(path)
        names = [table[side].combine_chunks() for side in ("left_image_id", "right_image_id")]
        ids, (left, right) = _positions(names)
        genuine = table["is_genuine"].to_numpy()
        fold = table["fold"].to_numpy() if "fold" in table.column_names else None
        bins: Bins | None = None
        if "bin" in table.column_names:
            bins = table["bin"].to_numpy()
        ranks = (
            table["rank"].fill_null(NOT_MINED).to_numpy() if "rank" in table.column_names else None
        )
    except (OSError, ValueError, KeyError) as error:
        raise ProtocolError(f"{path}: cannot be read as a protocol ({error}); {_AGAIN}") from error
    return PairProtocol(ids, Pairs(left, right, genuine, fold), bins, ranks)


def _positions(names: list[pa.Array]) -> tuple[tuple[str, ...], list[NDArray[np.int64]]]:
    """Names that occur, sorted, and where each side's names stand among them."""
    sides = [_encoded(side) for side in names]
    ids = tuple(sorted({name for side in sides for name in side.dictionary.to_pylist()}))
    position = {name: row for row, name in enumerate(ids)}
    found = []
    for side in sides:
        rows = np.array([position[name] for name in side.dictionary.to_pylist()], dtype=np.int64)
        found.append(rows[side.indices.to_numpy()] if len(side) else np.zeros(0, np.int64))
    return ids, found


def _encoded(side: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    whole = side.combine_chunks() if isinstance(side, pa.ChunkedArray) else side
    return whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
