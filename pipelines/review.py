"""The review within `curate`: hash the photos, list findings, apply what reviewers decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.duplicates.photo_hashes import PhotoHashes, hash_photos
from data.files import whole_file
from data.review import FINDINGS, as_review, build_review, joined
from data.review_config import ReviewConfig
from data.review_decisions import apply_decisions, mark_decided, no_decisions, read_decisions
from pipelines.environment import usable_workers
from pipelines.layout import Layout
from pipelines.review_page import review_page
from pipelines.stage import progress

REVIEW_FILE = "review.parquet"
DECISIONS_FILE = "decisions.parquet"
PAGE_FILE = "review.html"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The review list and the decisions in force."""

    findings: pd.DataFrame
    """`data.review.REVIEW_SCHEMA`."""
    applied: pd.DataFrame
    """`data.review_decisions.APPLIED_SCHEMA`."""
    summary: dict[str, object]
    """Counts for the report of `curate`."""


def decide(
    table: pd.DataFrame, config: ReviewConfig, layout: Layout
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest with the reviewers' decisions in force, and these decisions with the old names.

    Raises `ManifestError` for a decision file that is missing, broken or about unknown photos.
    """
    decisions = no_decisions()
    if config.decisions is not None:
        decisions = read_decisions(layout.root / config.decisions)
    return apply_decisions(table, decisions)


def hash_table(table: pd.DataFrame, config: ReviewConfig, layout: Layout) -> PhotoHashes:
    """Hashes of every photo of a manifest."""
    look = config.duplicates.search == "near"
    paths, workers = list(table["path"]), usable_workers()
    return hash_photos(layout.photos, paths, workers, progress("hash"), look=look)


def review(
    table: pd.DataFrame,
    hashes: PhotoHashes,
    embeddings: Mapping[str, NDArray[np.float32]],
    disagreements: pd.DataFrame,
    applied: pd.DataFrame,
    config: ReviewConfig,
) -> Reviewed:
    """List everything that a person should look at; nothing is dropped, decided rows are marked.

    Embeddings are of `config.embedders`, none of them under test; `disagreements` come from
    `pipelines.attributes`.
    """
    found = joined([build_review(table, hashes, embeddings, config), disagreements])
    findings = as_review(mark_decided(found, applied))
    return Reviewed(findings, applied, _summary(findings, hashes, applied, sorted(embeddings)))


def write_review(
    folder: Path, found: Reviewed, table: pd.DataFrame, layout: Layout, config: ReviewConfig
) -> None:
    """Write list, decisions and page into a folder that the caller completes."""
    for name, content in ((REVIEW_FILE, found.findings), (DECISIONS_FILE, found.applied)):
        with whole_file(folder / name) as partial:
            content.to_parquet(partial, index=False)
    with whole_file(folder / PAGE_FILE) as partial:
        page = review_page(found.findings, table, layout.photos, config.page_findings)
        partial.write_text(page, encoding="utf-8")


def _summary(
    findings: pd.DataFrame, hashes: PhotoHashes, applied: pd.DataFrame, embedders: list[str]
) -> dict[str, object]:
    counts = findings["finding"].value_counts()
    decisions = applied["decision"].value_counts()
    return {
        "num_photos": len(hashes.sha256),
        "num_not_hashed": int((~hashes.is_hashed).sum()),
        "findings": {name: int(counts.get(name, 0)) for name in FINDINGS},
        "num_open": int(findings["decision"].isna().sum()),
        "decisions": {str(name): int(count) for name, count in decisions.items()},
        "label_noise": f"checked with {', '.join(embedders)}"
        if embedders
        else "not_checked (no embedder named)",
    }
