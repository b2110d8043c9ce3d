"""Lists of photos: CSV, Parquet and label.txt."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import ManifestError, SourceError
from data.manifest import SOURCE_SCHEMA, TRUE_LANDMARK_COLUMNS, validate
from data.sources.listing import ListingConfig, ListingSource

ROWS = "path,subject_id\nimages/a.jpg,ann\nimages/b.jpg,ann\nimages/c.png,bob\n"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "set/images").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "c.png"):
        (tmp_path / "set/images" / name).write_bytes(name.encode())
    return tmp_path


def _silent(done: int, total: int) -> None:
    assert 0 < done <= total


def _read(data_dir: Path, file: str = "list.csv") -> pd.DataFrame:
    source = ListingSource(ListingConfig(file=file, photos="set"), data_dir)
    return source.materialise(data_dir / "photos", 2, _silent).table


def test_listed_photos_get_rows_and_copies(data_dir: Path) -> None:
    (data_dir / "list.csv").write_text(ROWS)
    table = _read(data_dir)
    validate(table, SOURCE_SCHEMA, "list")
    assert table["image_id"].tolist() == ["images/a", "images/b", "images/c"]
    assert table["subject_id"].tolist() == ["ann", "ann", "bob"]
    for path in table["path"]:
        assert (data_dir / "photos" / path).read_bytes() == Path(path).name.encode()


def test_parquet_keeps_its_types(data_dir: Path) -> None:
    landmarks = dict(zip(TRUE_LANDMARK_COLUMNS, np.arange(20.0).reshape(2, 10).T, strict=True))
    listed = pd.DataFrame(
        {
            "path": ["images/a.jpg", "images/c.png"],
            "subject_id": [7, 8],
            "image_id": ["first", "second"],
            "age_years": [20.5, None],
            "template_id": ["t1", None],
            **landmarks,
        }
    )
    listed.to_parquet(data_dir / "list.parquet")
    table = _read(data_dir, "list.parquet").set_index("image_id")
    assert table["subject_id"].tolist() == ["7", "8"]
    assert table.loc["first", "age_years_provenance"] == "manual"
    assert table.loc["second", "true_right_mouth_y_px"] == 19
    assert set(table["true_landmarks_provenance"]) == {"manual"}
    assert table.loc[["second"], ["age_years_provenance", "template_id"]].isna().all(axis=None)


def test_labels_of_plsc_are_read(data_dir: Path) -> None:
    (data_dir / "label.txt").write_text("images/a.jpg\t0\nimages/c.png\t12\n")
    assert _read(data_dir, "label.txt")["subject_id"].tolist() == ["0", "12"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            ROWS.replace("b.jpg", "x.jpg"),
            r"row 1 \(line 3\), column 'path': 'images/x.jpg' is no f",
        ),
        (ROWS.replace("images/b", "../set/images/b"), r"row 1 .*'path'.* is no plain relative"),
        (ROWS.replace("images/b", "/etc/b"), r"row 1 .*'path'.* is no plain relative"),
        (ROWS.replace("images/b", "images//b"), r"row 1 .*'path'.* is no plain relative"),
        (ROWS.replace("images/b.jpg", "train.rec#2"), r"row 1 .*'path'.*reads like a record"),
        (ROWS.replace("images/b.jpg", ""), r"row 1 .*'(path|image_id)'.* fails 'not_nullable'"),
        (ROWS.replace("c.png,bob", "c.png,"), r"row 2 \(line 4\), column 'subject_id': "),
        (ROWS.replace("b.jpg", "a.jpg"), r"row 0 .*'(path|image_id)'.* fails 'field_uniqueness'"),
        (ROWS.replace("path,", "file,"), "column 'path' is missing"),
        (ROWS.replace(",bob", ",bob,x"), "Row #4: Expected 2 columns, got 3"),
        ("path,subject_id\n", "lists no photos"),
    ],
)
def test_one_broken_row_is_named_by_file_row_and_column(
    data_dir: Path, text: str, message: str
) -> None:
    (data_dir / "list.csv").write_text(text)
    with pytest.raises((SourceError, ManifestError), match=rf"list\.csv: .*{message}"):
        _read(data_dir)
    assert not (data_dir / "photos").exists()


def test_link_out_of_the_photos_is_refused(data_dir: Path) -> None:
    (data_dir / "secret").write_bytes(b"secret")
    (data_dir / "set/images/b.jpg").unlink()
    (data_dir / "set/images/b.jpg").symlink_to(data_dir / "secret")
    (data_dir / "list.csv").write_text(ROWS)
    with pytest.raises(SourceError, match=r"row 1 .*'path'.*is a link that leaves"):
        _read(data_dir)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("images/a.jpg 0\n", "Row #1: Expected 2 columns, got 1"),
        ("images/a.jpg\t0\n\t1\n", r"row 1 \(line 2\), column"),
    ],
)
def test_wrong_label_lines_are_named(data_dir: Path, text: str, message: str) -> None:
    (data_dir / "label.txt").write_text(text)
    with pytest.raises((SourceError, ManifestError), match=rf"label\.txt: .*{message}"):
        _read(data_dir, "label.txt")


def test_files_that_are_no_lists_are_named(data_dir: Path) -> None:
    (data_dir / "list.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(SourceError, match=r"list\.parquet: cannot be read as a table"):
        _read(data_dir, "list.parquet")
    with pytest.raises(SourceError, match=r"absent\.csv: cannot be read as a table"):
        _read(data_dir, "absent.csv")
    with pytest.raises(SourceError, match=r"list\.xlsx: is neither"):
        _read(data_dir, "list.xlsx")
