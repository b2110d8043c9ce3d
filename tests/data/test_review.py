"""The review list: every finding named by what it endangers, in an order that never changes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.duplicates.photo_hashes import PhotoHashes
from data.errors import ManifestError
from data.face import l2_normalise
from data.manifest import with_source_columns
from data.review import REVIEW_SCHEMA, as_review, build_review
from data.review_config import ReviewConfig
from data.review_decisions import (
    EXCLUDED,
    apply_decisions,
    mark_decided,
    no_decisions,
    read_decisions,
)

HEADER = "image_id,decision,new_subject_id,reviewer,reason\n"


@pytest.fixture
def table() -> pd.DataFrame:
    """Eight photos of four people; `b` and `c` are in another split than `a` and `d`."""
    subjects = ["a", "a", "b", "b", "c", "c", "d", "d"]
    table = pd.DataFrame(
        {
            "image_id": [f"photo{row}" for row in range(8)],
            "subject_id": subjects,
            "path": [f"photo{row}.jpg" for row in range(8)],
            "split": ["train" if name in "ad" else "test" for name in subjects],
        }
    )
    table = with_source_columns(table).assign(reject_reason=None)
    known = table["subject_id"] == "b"
    table.loc[known, ["gender", "gender_provenance"]] = ["feminine", "manual"]
    return table


def _hashes(*equal: tuple[int, int]) -> PhotoHashes:
    words = np.random.default_rng(0).integers(0, 2**64, (8, 4), dtype=np.uint64)
    for one, other in equal:
        words[other] = words[one]
    sha256 = np.array([str(row) for row in range(8)], object)
    return PhotoHashes(sha256, words, np.ones(8, bool))


def test_findings_are_named_by_what_they_endanger(table: pd.DataFrame) -> None:
    found = build_review(table, _hashes((0, 1), (2, 4), (3, 6)), None, ReviewConfig())
    assert found[["image_id", "other_image_id", "finding"]].to_numpy().tolist() == [
        ["photo3", "photo6", "duplicate_across_splits"],
        ["photo2", "photo4", "same_photo_two_people"],
        ["photo0", "photo1", "near_duplicate"],
    ]
    assert found["detail"].iloc[0] == "0 of 256 hash bits differ; b (test) and d (train)"
    assert found["decision"].isna().all()


def test_list_does_not_depend_on_the_order_of_the_manifest(table: pd.DataFrame) -> None:
    hashes = _hashes((0, 3), (2, 4), (5, 6))
    vectors = np.random.default_rng(1).normal(size=(8, 16)).astype(np.float32)
    vectors = l2_normalise(vectors)
    order = np.random.default_rng(2).permutation(8)
    shuffled = PhotoHashes(hashes.sha256[order], hashes.words[order], hashes.is_hashed[order])
    first = build_review(table, hashes, {"m": vectors}, ReviewConfig())
    again = build_review(table.iloc[order], shuffled, {"m": vectors[order]}, ReviewConfig())
    # A pair names its photos in the order of the rows; everything else is equal.
    for found in (first, again):
        both = found[["image_id", "other_image_id"]].to_numpy()
        is_pair = (found["finding"] != "suspected_wrong_label").to_numpy()
        both[is_pair] = np.sort(both[is_pair], axis=1)
        found[["image_id", "other_image_id"]] = both
    columns = ["image_id", "other_image_id", "finding"]
    assert sorted(map(tuple, first[columns].to_numpy())) == sorted(
        map(tuple, again[columns].to_numpy())
    )


def test_wrong_labels_come_with_evidence(table: pd.DataFrame) -> None:
    people = np.eye(4, dtype=np.float32)
    vectors = people[[0, 0, 1, 1, 2, 2, 3, 3]]
    vectors[1] = people[3]
    found = build_review(table, _hashes(), {"model": vectors}, ReviewConfig())
    assert found["finding"].unique().tolist() == ["suspected_wrong_label"]
    row = found.set_index("image_id").loc["photo1"]
    assert row["other_image_id"] in {"photo6", "photo7"}
    assert row["score"] == pytest.approx(1.0)
    assert row["detail"].startswith("filed under a (cosine 0.00")


def test_people_under_two_names_are_listed_with_a_photo_of_each(table: pd.DataFrame) -> None:
    noise = np.random.default_rng(0).normal(scale=0.1, size=(8, 4))
    vectors = l2_normalise((np.eye(4)[[0, 0, 1, 1, 0, 0, 3, 3]] + noise).astype(np.float32))
    table = table.assign(family_id=pd.Series(["f", "f", None, None] * 2, dtype=object))
    found = build_review(table, _hashes(), {"model": vectors}, ReviewConfig())
    merge = found[found["detail"].str.contains("under two names")]
    assert merge[["image_id", "other_image_id"]].to_numpy().tolist() == [["photo0", "photo4"]]
    assert "one family" in merge["detail"].iloc[0]


def test_clean_set_has_an_empty_valid_list(table: pd.DataFrame) -> None:
    found = build_review(table, _hashes(), None, ReviewConfig())
    assert found.empty
    assert list(found.columns) == list(REVIEW_SCHEMA.columns)


def test_unknown_finding_is_refused() -> None:
    row = {"image_id": "x", "finding": "odd", "score": 1.0, "detail": "d"}
    with pytest.raises(ManifestError, match=r"column 'finding'.*odd"):
        as_review(pd.DataFrame([row]))


def _decide(tmp_path: Path, *lines: str) -> pd.DataFrame:
    path = tmp_path / "decisions.csv"
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return read_decisions(path)


def test_decisions_take_effect_and_keep_the_old_name(tmp_path: Path, table: pd.DataFrame) -> None:
    decisions = _decide(
        tmp_path, "photo0,exclude,,kw,two faces", "photo1,relabel,b,kw,card", "photo7,keep,,kw,fine"
    )
    changed, applied = apply_decisions(table, decisions)
    assert changed["reject_reason"].tolist() == [EXCLUDED, *[None] * 7]
    assert changed["subject_id"].tolist() == ["a", "b", "b", "b", "c", "c", "d", "d"]
    known = changed[["gender", "gender_provenance"]]
    assert known.iloc[1].tolist() == ["feminine", "manual"]
    assert applied["old_subject_id"].tolist() == ["a", "a", "d"]
    assert table["subject_id"].tolist()[:2] == ["a", "a"]


def test_relabelled_to_a_new_person_knows_nothing_of_the_old(
    tmp_path: Path, table: pd.DataFrame
) -> None:
    changed, _ = apply_decisions(table, _decide(tmp_path, "photo2,relabel,new,kw,card"))
    row = changed.iloc[2]
    assert row["subject_id"] == "new"
    assert row[["gender", "gender_provenance", "family_id"]].isna().all()


def test_findings_of_decided_photos_are_marked_and_stay(
    tmp_path: Path, table: pd.DataFrame
) -> None:
    found = build_review(table, _hashes((0, 1), (2, 3), (4, 5)), None, ReviewConfig())
    decisions = _decide(tmp_path, "photo1,keep,,kw,burst", "photo2,exclude,,kw,copy")
    _, applied = apply_decisions(table, decisions)
    marked = mark_decided(found, applied).set_index("image_id")["decision"]
    assert marked["photo0"] == "keep"
    assert marked["photo2"] == "exclude"
    assert pd.isna(marked["photo4"])


def test_no_decisions_change_nothing(tmp_path: Path, table: pd.DataFrame) -> None:
    for decisions in (no_decisions(), _decide(tmp_path)):
        changed, applied = apply_decisions(table, decisions)
        pd.testing.assert_frame_equal(changed, table)
        assert applied.empty


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("photo0,drop,,kw,why", r"line 2, column 'decision': 'drop'"),
        ("photo0,relabel,,kw,why", r"line 2: new_subject_id is given for relabel"),
        ("photo0,keep,b,kw,why", r"line 2: new_subject_id is given for relabel"),
        ("photo0,keep,,,why", r"column 'reviewer'"),
        ("photo0,keep,,kw,why\nphoto0,keep,,kw,why", r"column 'image_id': 'photo0'"),
    ],
)
def test_broken_decisions_are_named_by_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        _decide(tmp_path, line)


def test_decisions_about_nothing_are_refused(tmp_path: Path, table: pd.DataFrame) -> None:
    with pytest.raises(ManifestError, match=r"1 decisions .* 'photo9'"):
        apply_decisions(table, _decide(tmp_path, "photo9,keep,,kw,why"))
    with pytest.raises(ManifestError, match=r"none\.csv"):
        read_decisions(tmp_path / "none.csv")
