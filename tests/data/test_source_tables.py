"""Tables that people bring along: what is read is what was written, nonsense is a typed error."""

import csv
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError, SourceError
from data.sources.tables import KNOWLEDGE_COLUMNS, knowledge_of, read_labels, read_table


def _refusal(read: Callable[[], object]) -> str | None:
    try:
        read()
    except DataError as error:
        return str(error)
    return None


_FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=8)


@given(st.lists(st.tuples(_FIELD, _FIELD), max_size=8))
def test_every_field_of_a_csv_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerows([("path", "subject_id"), *rows])
    table = read_table(path, ("path", "subject_id"), ())
    found = table.rows.astype(object).where(table.rows.notna(), "")
    assert list(found.itertuples(index=False, name=None)) == rows


@given(st.text(alphabet='ab,"\n\r\t\ufeff_', max_size=60))
def test_nonsense_gives_a_typed_error_or_a_table(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    path.write_text(f"gender,{text}", encoding="utf-8")
    columns = ("a", "b", *KNOWLEDGE_COLUMNS)
    refusal = _refusal(lambda: knowledge_of(read_table(path, ("gender",), columns), "manual"))
    assert refusal is None or "table.csv" in refusal


@given(st.binary(max_size=60))
def test_any_bytes_give_a_typed_error_or_labels(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("labels") / "label.txt"
    path.write_bytes(content)
    refusal = _refusal(lambda: read_labels(path))
    assert refusal is None or "label.txt" in refusal


def test_text_that_looks_like_a_null_is_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,subject_id\nNA,null\n01,1e3\n")
    rows = read_table(tmp_path / "t.csv", ("path", "subject_id"), ()).rows
    assert rows.to_numpy().tolist() == [["NA", "null"], ["01", "1e3"]]


def test_parquet_that_is_sorted_by_an_index_is_read_by_its_columns(tmp_path: Path) -> None:
    listed = pd.DataFrame({"path": ["b", "a"], "subject_id": ["2", "1"]}, index=[5, 3])
    listed.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="'__index_level_0__' is unknown"):
        read_table(tmp_path / "t.parquet", ("path", "subject_id"), ())
    listed.to_parquet(tmp_path / "t.parquet", index=False)
    table = read_table(tmp_path / "t.parquet", ("path", "subject_id"), ())
    assert str(table.fault(1, "path", "is odd")).endswith("row 1, column 'path': 'a' is odd")
