"""IJB-B and IJB-C: faces, templates, media, and pairs of templates."""

from pathlib import Path

import pandas as pd
import pytest

from data.errors import SourceError
from data.manifest import SOURCE_SCHEMA, TRUE_LANDMARK_COLUMNS, landmarks_of, validate
from data.sources.base import SourceData
from data.sources.ijb import LANDMARKS_PROVENANCE, IjbConfig, IjbSource

FACES = "1.jpg 10 100\n2.jpg 10 101\n3.jpg 20 102\n4.jpg 30 103\n5.jpg 40 103\n"
POINTS = "".join(
    f"{n}.jpg {' '.join(str(n + 0.5 * k) for k in range(10))} 0.9{n}\n" for n in (2, 1, 3, 4, 5)
)
PAIRS = "10 20 1\n10 30 0\n20 40 0\n"
LISTS = {"face_tid_mid": FACES, "name_5pts_score": POINTS, "template_pair_label": PAIRS}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "IJBC/meta").mkdir(parents=True)
    (tmp_path / "IJBC/loose_crop").mkdir()
    for name, text in LISTS.items():
        (tmp_path / f"IJBC/meta/ijbc_{name}.txt").write_text(text)
    for number in range(1, 6):
        (tmp_path / f"IJBC/loose_crop/{number}.jpg").write_bytes(b"photo %d" % number)
    return tmp_path


def _silent(done: int, total: int) -> None:
    assert 0 < done <= total


def _read(data_dir: Path) -> SourceData:
    source = IjbSource(IjbConfig(folder="IJBC", benchmark="ijbc"), data_dir)
    return source.materialise(data_dir / "photos", 2, _silent)


def test_faces_are_rows_with_template_medium_landmarks_and_score(data_dir: Path) -> None:
    table = _read(data_dir).table
    validate(table, SOURCE_SCHEMA, "ijb")
    assert table["image_id"].tolist() == [f"ijbc/{n}" for n in range(1, 6)]
    assert table["template_id"].tolist() == ["10", "10", "20", "30", "40"]
    assert table["media_id"].tolist() == ["100", "101", "102", "103", "103"]
    assert table["true_landmarks_confidence"].tolist() == [0.91, 0.92, 0.93, 0.94, 0.95]
    assert set(table["true_landmarks_provenance"]) == {LANDMARKS_PROVENANCE}
    points = landmarks_of(table.iloc[0], TRUE_LANDMARK_COLUMNS)
    assert points.reshape(-1).tolist() == [1 + 0.5 * k for k in range(10)]
    for path in table["path"]:
        copy, original = data_dir / "photos" / path, data_dir / "IJBC/loose_crop" / path
        assert copy.read_bytes() == original.read_bytes()


def test_protocol_compares_templates(data_dir: Path) -> None:
    found = _read(data_dir)
    assert found.protocol is not None
    assert found.protocol.unit == "template"
    assert found.protocol.left_ids.tolist() == ["10", "10", "20"]
    assert found.protocol.right_ids.tolist() == ["20", "30", "40"]
    assert found.protocol.is_genuine.tolist() == [True, False, False]
    assert found.protocol.fold is None
    assert found.protocol.subjects_in(found.table) == set(found.table["subject_id"])


def test_subjects_are_what_genuine_pairs_tie(data_dir: Path) -> None:
    subjects = _read(data_dir).table["subject_id"].tolist()
    assert subjects == ["ijbc/t10", "ijbc/t10", "ijbc/t10", "ijbc/t30", "ijbc/t40"]


@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        ("face_tid_mid", "3.jpg 20 102", "3.jpg 20", "Row #3: Expected 3 columns, got 2"),
        ("face_tid_mid", "3.jpg 20", "3.jpg twenty", "Row #3.*|.*'twenty'"),
        ("face_tid_mid", "3.jpg", "2.jpg", r"txt:3: the photo is listed again"),
        ("face_tid_mid", "5.jpg", "6.jpg", r"txt:5: the photo is not in ijbc_name_5pts_score"),
        ("face_tid_mid", "5.jpg 40", "5.jpg 41", "1 templates of the pairs have no photo.* 40"),
        ("name_5pts_score", "0.93", "high", "cannot be read as a list of 12 fields"),
        ("name_5pts_score", " 0.93", "", "Row #3: Expected 12 columns, got 11"),
        ("template_pair_label", "30 0", "30 2", r"txt:2: the label is neither 0 nor 1"),
        ("template_pair_label", "20 40 0", "20 20 0", r"txt:3: a template is compared with its"),
        ("template_pair_label", "20 40 0", "20 40", "Row #3: Expected 3 columns, got 2"),
    ],
)
def test_wrong_line_is_named(
    data_dir: Path, name: str, before: str, after: str, message: str
) -> None:
    text = LISTS[name]
    assert before in text
    (data_dir / f"IJBC/meta/ijbc_{name}.txt").write_text(text.replace(before, after))
    with pytest.raises(SourceError, match=rf"IJBC.*({message})"):
        _read(data_dir)
    assert not (data_dir / "photos").exists()


def test_missing_list_and_photo_are_named(data_dir: Path) -> None:
    (data_dir / "IJBC/loose_crop/4.jpg").unlink()
    with pytest.raises(SourceError, match=r"ijbc_face_tid_mid\.txt:4: '4\.jpg' is no file"):
        _read(data_dir)
    (data_dir / "IJBC/meta/ijbc_template_pair_label.txt").unlink()
    with pytest.raises(SourceError, match=r"template_pair_label\.txt: cannot be read"):
        _read(data_dir)


def test_photo_path_leads_nowhere_else(data_dir: Path) -> None:
    for name, text in LISTS.items():
        path = data_dir / f"IJBC/meta/ijbc_{name}.txt"
        path.write_text(text.replace("4.jpg", "../meta/ijbc_face_tid_mid.txt"))
    with pytest.raises(SourceError, match=r":4: .* is no plain relative path"):
        _read(data_dir)


def test_scores_outside_0_to_1_are_named(data_dir: Path) -> None:
    path = data_dir / "IJBC/meta/ijbc_name_5pts_score.txt"
    path.write_text(POINTS.replace("0.93", "9.3"))
    with pytest.raises(Exception, match=r"row 2 \(image_id 'ijbc/3'\), .*'true_landmarks_confid"):
        _read(data_dir)


def test_table_is_in_the_order_of_the_templates(data_dir: Path) -> None:
    assert isinstance(_read(data_dir).table.index, pd.RangeIndex)
