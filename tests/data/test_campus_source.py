"""The campus as a source: whole files, a valid table, the same on any number of processes."""

from pathlib import Path

import pandas as pd
import pytest

from data.errors import SourceError
from data.files import sha256_tree
from data.manifest import ATTRIBUTES, SOURCE_SCHEMA, validate
from data.sources.campus import CampusConfig, CampusSource, render_photo

CONFIG = CampusConfig(num_subjects=3, photos_per_subject=2)
UNKNOWN = {
    # A drawn face has no ethnicity and no age to the year; a true label needs no confidence.
    *("ethnicity", "ethnicity_provenance", "age_years", "age_years_provenance"),
    *("template_id", "media_id", "true_landmarks_confidence"),
    *(f"{name}_confidence" for name in ATTRIBUTES),
}


def _silent(done: int, total: int) -> None:
    assert 0 < done <= total


def test_table_is_valid_and_names_the_files_written(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    table = (
        CampusSource(CONFIG)
        .materialise(tmp_path, 1, lambda done, total: seen.append((done, total)))
        .table
    )
    validate(table, SOURCE_SCHEMA, "campus")
    assert seen == [(2, 6), (4, 6), (6, 6)]
    on_disk = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert on_disk == set(table["path"])
    row = table.iloc[0]
    assert row["path"] == f"{row['subject_id']}/{row['image_id']}.jpg"
    assert (tmp_path / row["path"]).read_bytes() == render_photo(CONFIG, 0)[0]
    assert set(table.columns[table.isna().any()]) == UNKNOWN


def test_two_processes_write_the_same_as_one(tmp_path: Path) -> None:
    one = CampusSource(CONFIG).materialise(tmp_path / "one", 1, _silent).table
    two = CampusSource(CONFIG).materialise(tmp_path / "two", 2, _silent).table
    pd.testing.assert_frame_equal(one, two)
    assert sha256_tree(tmp_path / "one") == sha256_tree(tmp_path / "two")


def test_an_interrupted_run_leaves_only_whole_files(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise StopError(total)

    with pytest.raises(StopError):
        CampusSource(CONFIG).materialise(tmp_path, 1, stop)
    found = sorted(p for p in tmp_path.rglob("*") if p.is_file())
    assert [p.name for p in found] == [
        "s000000_p0000.jpg",
        "s000000_p0001.jpg",
        "s000001_p0000.jpg",
        "s000001_p0001.jpg",
    ]
    assert [p.read_bytes() for p in found] == [render_photo(CONFIG, k)[0] for k in range(4)]


def test_a_second_run_over_the_first_gives_the_same(tmp_path: Path) -> None:
    CampusSource(CONFIG).materialise(tmp_path, 1, _silent)
    digest = sha256_tree(tmp_path)
    CampusSource(CONFIG).materialise(tmp_path, 1, _silent)
    assert sha256_tree(tmp_path) == digest


def test_no_workers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="workers"):
        CampusSource(CONFIG).materialise(tmp_path, 0, _silent)
    assert not list(tmp_path.iterdir())
