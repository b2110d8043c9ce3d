"""What is written is what is read, and nothing else is taken for it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import ProtocolError
from data.protocols.build import draw_protocols
from data.protocols.config import MiningConfig, ProtocolsConfig
from data.protocols.store import (
    INDEX_FILE,
    StoredProtocol,
    read_index,
    read_protocol,
    read_templates,
    write_protocols,
)
from data.published import published_pairs

Stored = dict[str, StoredProtocol]


@pytest.fixture(scope="module")
def drawn(table_of: Callable[..., pd.DataFrame]) -> Stored:
    table = table_of(30, 6)
    table.loc[table["subject_id"] < "s0010", "split"] = "calibration"
    ids = table.loc[table["split"] == "test", "image_id"].tolist()
    published = published_pairs(
        ids[:4], ids[6:10], np.array([False] * 4), np.array([0, 0, 1, 1]), "image"
    )
    return draw_protocols(table, ProtocolsConfig(), MiningConfig(), {}, published=published)


@pytest.fixture
def folder(drawn: Stored, tmp_path: Path) -> Path:
    write_protocols(drawn, tmp_path / "protocols")
    return tmp_path / "protocols"


def test_every_protocol_is_read_as_it_was_drawn(drawn: Stored, folder: Path) -> None:
    assert read_index(folder) == {name: stored.entry for name, stored in drawn.items()}
    for name, stored in drawn.items():
        found, plain = read_protocol(folder, name), stored.protocol.compact()
        assert found.ids == plain.ids
        assert (found.pairs.left == plain.pairs.left).all()
        assert (found.pairs.right == plain.pairs.right).all()
        assert (found.pairs.genuine == plain.pairs.genuine).all()
        assert (found.bins is None) == (plain.bins is None)
        assert (found.ranks is None) == (plain.ranks is None)


def test_columns_are_those_of_the_contract(folder: Path) -> None:
    assert pq.read_schema(folder / "standard_test.parquet").names == [
        "left_image_id",
        "right_image_id",
        "is_genuine",
    ]
    assert pq.read_schema(folder / "domain_test.parquet").names[3:] == ["bin"]
    assert pq.read_schema(folder / "hard_test.parquet").names[3:] == ["bin", "rank"]
    assert pq.read_schema(folder / "official.parquet").names[3:] == ["fold"]
    table = pd.read_parquet(folder / "standard_test.parquet")
    assert isinstance(table["left_image_id"].iloc[0], str)


def test_folds_are_kept(folder: Path) -> None:
    fold = read_protocol(folder, "official").pairs.fold
    assert fold is not None
    assert fold.tolist() == [0, 0, 1, 1]


def test_another_compression_is_the_same_protocol(folder: Path) -> None:
    path = folder / "hard_test.parquet"
    table = pq.read_table(path)
    plain = pa.table(
        {
            c: table[c].cast(pa.string()) if c.endswith("_id") else table[c]
            for c in table.column_names
        }
    )
    pq.write_table(plain, path, compression="none", row_group_size=7)
    before = read_index(folder)["hard_test"].digest
    assert read_protocol(folder, "hard_test").digest() == before


def test_changed_pair_is_noticed(folder: Path) -> None:
    path = folder / "standard_test.parquet"
    table = pd.read_parquet(path)
    table.loc[0, "is_genuine"] = not table.loc[0, "is_genuine"]
    table.to_parquet(path)
    with pytest.raises(ProtocolError, match="is not the protocol of"):
        read_protocol(folder, "standard_test")


def test_changed_template_is_noticed(folder: Path) -> None:
    path = folder / "templates_test.templates.parquet"
    table = pd.read_parquet(path)
    assert read_templates(folder, "templates_test").equals(table)
    table.iloc[:-1].to_parquet(path)
    with pytest.raises(ProtocolError, match="are not the templates"):
        read_templates(folder, "templates_test")


def test_what_is_no_protocol_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="no protocol 'twins'"):
        read_protocol(folder, "twins")
    with pytest.raises(ProtocolError, match="compares photos"):
        read_templates(folder, "standard_test")
    with pytest.raises(ProtocolError, match="as an index"):
        read_index(tmp_path)
    (folder / "standard_test.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(ProtocolError, match=r"standard_test\.parquet: cannot be read"):
        read_protocol(folder, "standard_test")
    (folder / "hard_test.parquet").unlink()
    with pytest.raises(ProtocolError, match=r"hard_test\.parquet: cannot be read"):
        read_protocol(folder, "hard_test")
    (folder / "templates_test.templates.parquet").unlink()
    with pytest.raises(ProtocolError, match="as templates"):
        read_templates(folder, "templates_test")


def test_broken_index_is_named(folder: Path) -> None:
    content = json.loads((folder / INDEX_FILE).read_text())
    content["standard_test"]["digest"] = "abc"
    (folder / INDEX_FILE).write_text(json.dumps(content))
    with pytest.raises(ProtocolError, match=r"standard_test\.digest"):
        read_index(folder)
