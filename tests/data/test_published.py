"""Published protocols: what is written is read, faults are named."""

from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import SourceError
from data.files import sha256_file
from data.manifest import with_source_columns
from data.published import (
    PublishedPairs,
    Unit,
    published_pairs,
    read_published,
    write_published,
)


def _pairs() -> PublishedPairs:
    return published_pairs(
        ["a", "c", "a"], ["b", "b", "d"], np.array([True, False, False]), np.array([0, 0, 1])
    )


@st.composite
def _any_pairs(draw: st.DrawFn) -> PublishedPairs:
    names = st.lists(st.text(min_size=1, max_size=4), min_size=0, max_size=20)
    left = draw(names)
    right = draw(st.lists(st.text(max_size=4), min_size=len(left), max_size=len(left)))
    flags = draw(st.lists(st.booleans(), min_size=len(left), max_size=len(left)))
    has_fold = draw(st.booleans())
    fold = np.arange(len(left)) if left and has_fold else None
    unit: Unit = draw(st.sampled_from(get_args(Unit)))
    return published_pairs(left, right, np.array(flags, dtype=bool), fold, unit)


@given(_any_pairs())
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, pairs: PublishedPairs
) -> None:
    path = tmp_path_factory.mktemp("pairs") / "protocol.parquet"
    write_published(pairs, path)
    found = read_published(path)
    assert found.unit == pairs.unit
    assert found.left_ids.tolist() == pairs.left_ids.tolist()
    assert found.right_ids.tolist() == pairs.right_ids.tolist()
    assert found.is_genuine.tolist() == pairs.is_genuine.tolist()
    assert (found.fold is None) == (pairs.fold is None)
    if found.fold is not None and pairs.fold is not None:
        assert found.fold.tolist() == pairs.fold.tolist()


def test_file_is_plain_parquet_and_always_the_same(tmp_path: Path) -> None:
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    write_published(_pairs(), one)
    write_published(_pairs(), two)
    assert sha256_file(one) == sha256_file(two)
    table = pd.read_parquet(one)
    assert table["left_id"].tolist() == ["a", "c", "a"]
    assert table["is_genuine"].tolist() == [True, False, False]
    assert table["fold"].tolist() == [0, 0, 1]
    assert pq.read_schema(one).metadata[b"unit"] == b"image"


def test_pairs_become_rows_of_a_table() -> None:
    rows = _pairs().on(["d", "c", "b", "a", "unused"])
    assert rows.left.tolist() == [3, 1, 3]
    assert rows.right.tolist() == [2, 2, 0]
    assert rows.genuine.tolist() == [True, False, False]
    with pytest.raises(SourceError, match="image 'd' of the protocol is not in the manifest"):
        _pairs().on(["a", "b", "c"])


def test_subjects_are_found_by_image_or_template() -> None:
    rows = {"image_id": ["a", "b", "c", "d", "e"], "subject_id": ["s1", "s1", "s2", "s3", "s4"]}
    table = with_source_columns(pd.DataFrame({**rows, "path": rows["image_id"]}))
    assert _pairs().subjects_in(table) == {"s1", "s2", "s3"}
    table["template_id"] = ["7", "7", "8", "9", None]
    of_templates = published_pairs(["7"], ["9"], np.array([False]), unit="template")
    assert of_templates.subjects_in(table) == {"s1", "s3"}
    with pytest.raises(SourceError, match=r"1 images .* such as 'd'"):
        _pairs().subjects_in(table.iloc[:3])


def test_arrays_that_do_not_fit_are_refused() -> None:
    codes = np.zeros(2, np.int32)
    with pytest.raises(SourceError, match="shapes"):
        PublishedPairs(("a",), codes, codes, np.array([True]))
    with pytest.raises(SourceError, match="outside"):
        PublishedPairs(("a",), codes, codes + np.int32(1), np.array([True, False]))


_GOOD = pa.table(
    {"left_id": ["a", "b"], "right_id": ["b", "a"], "is_genuine": [True, False], "fold": [0, 1]}
)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (_GOOD.replace_schema_metadata(), "metadata `unit` is ''"),
        (_GOOD.replace_schema_metadata({"unit": "video"}), "metadata `unit` is 'video'"),
        (_GOOD.drop_columns("is_genuine"), "column 'is_genuine' is missing"),
        (_GOOD.set_column(2, "is_genuine", pa.array([1, 0])), "'is_genuine' holds int64, not bool"),
        (_GOOD.set_column(0, "left_id", pa.array([1, 0])), "'left_id' holds int64, not string"),
        (_GOOD.set_column(0, "left_id", pa.array(["a", None])), "row 1, column 'left_id': is null"),
        (_GOOD.set_column(3, "fold", pa.array([None, 1])), "row 0, column 'fold': is null"),
    ],
)
def test_wrong_file_is_named_by_row_and_column(
    tmp_path: Path, table: pa.Table, message: str
) -> None:
    if b"unit" not in (table.schema.metadata or {}) and "unit" not in message:
        table = table.replace_schema_metadata({"unit": "image"})
    pq.write_table(table, tmp_path / "protocol.parquet")
    with pytest.raises(SourceError, match=rf"protocol\.parquet: .*{message}"):
        read_published(tmp_path / "protocol.parquet")


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "protocol.parquet"
    with pytest.raises(SourceError, match=r"protocol\.parquet: cannot be read"):
        read_published(path)
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(SourceError, match=r"protocol\.parquet: cannot be read"):
        read_published(path)
