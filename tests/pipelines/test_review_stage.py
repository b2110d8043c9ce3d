"""The review within `curate`: real files in, a list, decisions and a page out."""

from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from data.errors import ManifestError
from data.manifest import with_source_columns
from data.review import REVIEW_SCHEMA, as_review
from data.review_config import ReviewConfig
from data.review_decisions import EXCLUDED
from pipelines.layout import Layout
from pipelines.review import Reviewed, decide, hash_table, review, write_review

NAMES = ["a0", "a1", "b0", "b1"]
NO_FINDINGS = pd.DataFrame(columns=list(REVIEW_SCHEMA.columns))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Four photos; `b0` is `a0` again, smaller and mirrored, and `b1` cannot be decoded."""
    layout = Layout(tmp_path)
    layout.photos.mkdir(parents=True)
    rng = np.random.default_rng(5)
    for name in ("a0", "a1"):
        small = rng.integers(0, 256, (20, 20, 3)).astype(np.uint8)
        picture = cv2.resize(small, (200, 240), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(layout.photos / f"{name}.jpg"), picture)
        if name == "a0":
            copy = cv2.resize(picture[:, ::-1], (150, 180), interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(layout.photos / "b0.jpg"), copy)
    (layout.photos / "b1.jpg").write_bytes(b"no picture")
    return layout


@pytest.fixture
def table() -> pd.DataFrame:
    table = pd.DataFrame({"image_id": NAMES, "subject_id": [name[0] for name in NAMES]})
    table = with_source_columns(table.assign(path=table["image_id"] + ".jpg"))
    return table.assign(reject_reason=None, split=["train", "train", "test", "test"])


def _reviewed(table: pd.DataFrame, layout: Layout, config: ReviewConfig) -> Reviewed:
    changed, applied = decide(table, config, layout)
    return review(changed, hash_table(table, config, layout), {}, NO_FINDINGS, applied, config)


def _config(layout: Layout, *lines: str) -> ReviewConfig:
    path = layout.root / "decisions.csv"
    path.write_text("\n".join(["image_id,decision,new_subject_id,reviewer,reason", *lines]))
    return ReviewConfig(decisions=Path("decisions.csv"))


def test_summary_says_what_was_found_and_what_was_not_checked(
    table: pd.DataFrame, layout: Layout
) -> None:
    found = _reviewed(table, layout, ReviewConfig())
    assert found.summary["num_not_hashed"] == 1
    assert found.summary["label_noise"] == "not_checked (no embedder named)"
    assert found.summary["findings"] == {
        "duplicate_across_splits": 1,
        "same_photo_two_people": 0,
        "near_duplicate": 0,
        "suspected_wrong_label": 0,
        "attribute_disagreement": 0,
    }
    assert "mirrored" in found.findings["detail"].iloc[0]


def test_decision_is_applied_and_counted(table: pd.DataFrame, layout: Layout) -> None:
    config = _config(layout, "b0,exclude,,kw,the photo of a0")
    changed, _ = decide(table, config, layout)
    assert changed["reject_reason"].tolist() == [None, None, EXCLUDED, None]
    found = _reviewed(table, layout, config)
    assert found.findings["decision"].tolist() == ["exclude"]
    assert found.summary["num_open"] == 0
    assert found.summary["decisions"] == {"exclude": 1}


def test_missing_decision_file_is_an_error(table: pd.DataFrame, layout: Layout) -> None:
    with pytest.raises(ManifestError, match=r"gone\.csv"):
        decide(table, ReviewConfig(decisions=Path("gone.csv")), layout)


class _Page(HTMLParser):
    """What a browser would fetch, run or show."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def _page(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def test_page_needs_no_network_and_shows_both_photos(
    table: pd.DataFrame, layout: Layout, tmp_path: Path
) -> None:
    found = _reviewed(table, layout, ReviewConfig())
    write_review(tmp_path, found, table, layout, ReviewConfig())
    page = _page(tmp_path / "review.html")
    assert len(page.sources) == 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert "script" not in page.tags
    assert "a (train) and b (test)" in page.text
    assert len(pd.read_parquet(tmp_path / "review.parquet")) == 1
    assert pd.read_parquet(tmp_path / "decisions.parquet").empty


def test_page_shows_names_as_text_and_the_strongest_of_each_kind(
    table: pd.DataFrame, layout: Layout, tmp_path: Path
) -> None:
    hostile = "<script>alert(1)</script>"
    table.loc[3, ["image_id", "subject_id"]] = [hostile, hostile]
    rows = [
        {"image_id": name, "finding": finding, "score": score, "detail": f"{hostile} {score}"}
        for name in ("a0", hostile)
        for score in (0.5, 0.75)
        for finding in ("near_duplicate", "attribute_disagreement")
    ]
    findings = as_review(pd.DataFrame(rows))
    found = Reviewed(findings, pd.DataFrame(), {})
    config = ReviewConfig(page_findings=4)
    write_review(tmp_path, found, table, layout, config)
    page = _page(tmp_path / "review.html")
    assert "script" not in page.tags
    assert page.text.count(f"{hostile} 0.75") == 4
    assert f"{hostile} 0.5" not in page.text
    assert "no picture" in page.text
    assert "2 of 4" in page.text
