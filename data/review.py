"""The review list: everything about photos and labels that a person should look at.

A finding changes nothing. Reviewers answer in a CSV (`data.review_decisions`), and only that does.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray

from data.duplicates.find import find_duplicates
from data.duplicates.hashing import NUM_BITS
from data.duplicates.photo_hashes import PhotoHashes
from data.label_noise import nearest_rows, same_people, wrong_labels
from data.manifest import validate
from data.review_config import ReviewConfig

Finding = Literal[
    "duplicate_across_splits",
    "same_photo_two_people",
    "near_duplicate",
    "suspected_wrong_label",
    "attribute_disagreement",
]
FINDINGS: Final = get_args(Finding)
"""In the order of the list: what falsifies results comes before what wastes photos."""
DECISIONS: Final = ("keep", "exclude", "relabel")

REVIEW_SCHEMA: Final = pa.DataFrameSchema(
    {
        "image_id": pa.Column(str, pa.Check.str_length(min_value=1)),
        "other_image_id": pa.Column(str, nullable=True),
        "finding": pa.Column(str, pa.Check.isin(FINDINGS)),
        "score": pa.Column(float, pa.Check(np.isfinite, error="is_finite")),
        "detail": pa.Column(str, pa.Check.str_length(min_value=1)),
        "decision": pa.Column(str, pa.Check.isin(DECISIONS), nullable=True),
    },
    strict=True,
    coerce=True,
)
"""`score` orders findings of one kind, higher is worse: share of equal hash bits for duplicates,
the margin in cosine for labels, the confidence for attributes. `decision` is null while open."""

Embeddings = Mapping[str, NDArray[np.float32]]


def build_review(
    table: pd.DataFrame, hashes: PhotoHashes, embeddings: Embeddings | None, config: ReviewConfig
) -> pd.DataFrame:
    """List findings about the photos of a manifest (`REVIEW_SCHEMA`), in a fixed order.

    Reads `image_id` and `subject_id`, and `split` where there is one. `hashes` and embeddings
    (n, d), by name of their model, have one row for each of the table; an embedding of zeros means
    no face. Without embeddings labels are not checked. Raises `TooManyDuplicatesError`.
    """
    table = table.reset_index(drop=True)
    embedded = dict(embeddings or {})
    parts = [_duplicates(table, hashes, embedded, config)]
    if embedded:
        parts += [_wrong_labels(table, embedded, config), _same_people(table, embedded, config)]
    return as_review(joined(parts))


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table of several, some of which may be empty."""
    filled = [part for part in parts if len(part)]
    columns = list(REVIEW_SCHEMA.columns)
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def as_review(findings: pd.DataFrame) -> pd.DataFrame:
    """Sort and validate findings; a missing `decision` is an open one."""
    table = findings.reindex(columns=list(REVIEW_SCHEMA.columns))
    rank = table["finding"].map({name: place for place, name in enumerate(FINDINGS)})
    table = table.assign(rank=rank).sort_values(
        ["rank", "score", "image_id", "other_image_id", "detail"],
        ascending=[True, False, True, True, True],
        ignore_index=True,
    )
    return validate(table.drop(columns="rank"), REVIEW_SCHEMA, "review list")


def _duplicates(
    table: pd.DataFrame, hashes: PhotoHashes, embeddings: Embeddings, config: ReviewConfig
) -> pd.DataFrame:
    pairs = find_duplicates(hashes, embeddings, config.duplicates)
    left = _side(table, pairs["left"].to_numpy())
    right = _side(table, pairs["right"].to_numpy())
    finding = pd.Series("near_duplicate", pairs.index, dtype=object)
    finding[left["subject_id"] != right["subject_id"]] = "same_photo_two_people"
    finding[left["split"] != right["split"]] = "duplicate_across_splits"
    details = zip(_likeness(pairs), _whereabouts(left, right), strict=True)
    return pd.DataFrame(
        {
            "image_id": left["image_id"],
            "other_image_id": right["image_id"],
            "finding": finding,
            "score": 1 - pairs["distance"] / NUM_BITS,
            "detail": [f"{likeness}; {whereabouts}" for likeness, whereabouts in details],
        }
    )


def _side(table: pd.DataFrame, rows: NDArray[np.int64]) -> pd.DataFrame:
    side = table.reindex(columns=["image_id", "subject_id", "split"]).iloc[rows]
    return side.fillna({"split": "no split yet"}).reset_index(drop=True)


def _likeness(pairs: pd.DataFrame) -> list[str]:
    return [
        "equal bytes"
        if same_bytes
        else f"{bits} of {NUM_BITS} hash bits differ"
        + (", mirrored" if is_mirrored else "")
        + (f", cosine {similarity:.3f}" if np.isfinite(similarity) else "")
        for bits, is_mirrored, same_bytes, similarity in zip(
            pairs["distance"],
            pairs["is_mirrored"],
            pairs["same_bytes"],
            pairs["similarity"],
            strict=True,
        )
    ]


def _whereabouts(left: pd.DataFrame, right: pd.DataFrame) -> list[str]:
    names = [side["subject_id"] + " (" + side["split"] + ")" for side in (left, right)]
    return [
        one if one == other else f"{one} and {other}" for one, other in zip(*names, strict=True)
    ]


def _wrong_labels(
    table: pd.DataFrame, embeddings: Embeddings, config: ReviewConfig
) -> pd.DataFrame:
    subjects, names = pd.factorize(table["subject_id"], sort=True)
    found = wrong_labels(subjects, embeddings, config.label_noise)
    rows = found["row"].to_numpy(np.int64)
    nearest = _most_alike(rows, found["other_subject"].to_numpy(np.int64), subjects, embeddings)
    return pd.DataFrame(
        {
            "image_id": table["image_id"].to_numpy()[rows],
            "other_image_id": table["image_id"].to_numpy()[nearest],
            "finding": "suspected_wrong_label",
            "score": found["margin"],
            "detail": [
                f"filed under {table['subject_id'].iloc[row]} (cosine {own:.2f} to the other photos"
                f" there), looks like {names[other]} ({near:.2f})"
                for row, other, own, near in zip(
                    rows, found["other_subject"], found["own"], found["other"], strict=True
                )
            ],
        }
    )


def _same_people(table: pd.DataFrame, embeddings: Embeddings, config: ReviewConfig) -> pd.DataFrame:
    subjects, names = pd.factorize(table["subject_id"], sort=True)
    found = same_people(subjects, embeddings, config.label_noise)
    one, other = (found[name].to_numpy(np.int64) for name in ("subject", "other_subject"))
    usable = np.flatnonzero(next(iter(embeddings.values())).any(axis=1))
    first = {int(subjects[row]): row for row in usable[::-1]}
    rows = np.array([first[subject] for subject in one], np.int64)
    nearest = _most_alike(rows, other, subjects, embeddings)
    return pd.DataFrame(
        {
            "image_id": table["image_id"].to_numpy()[rows],
            "other_image_id": table["image_id"].to_numpy()[nearest],
            "finding": "suspected_wrong_label",
            "score": found["similarity"],
            "detail": [
                f"{names[a]} and {names[b]} look like one person under two names"
                f" (cosine of their means {similarity:.2f}{_kinship(table, subjects, a, b)})"
                for a, b, similarity in zip(one, other, found["similarity"], strict=True)
            ],
        }
    )


def _kinship(table: pd.DataFrame, subjects: NDArray[np.int64], one: int, other: int) -> str:
    if "family_id" not in table:
        return ""
    families = [set(table["family_id"][subjects == who].dropna()) for who in (one, other)]
    return "; one family" if families[0] & families[1] else ""


def _most_alike(
    rows: NDArray[np.int64],
    others: NDArray[np.int64],
    subjects: NDArray[np.int64],
    embeddings: Embeddings,
) -> NDArray[np.int64]:
    """For each row, the photo of the other person that looks most like it to the first model."""
    vectors = next(iter(embeddings.values()))
    order = np.argsort(subjects, kind="stable")
    starts = np.searchsorted(subjects[order], np.arange(subjects.max(initial=-1) + 2))
    candidates = [order[starts[other] : starts[other + 1]] for other in others]
    return nearest_rows(rows, candidates, vectors)
