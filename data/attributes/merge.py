"""Guesses beside what is known: unknown attributes are filled, known ones never touched.

A disagreement between a known label and a model, or between two models, is a finding for people: it
may be the label that is wrong, and it may be the model.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.attributes.config import AttributesConfig
from data.attributes.predictors import Guess, Guesses
from data.review import as_review, joined

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Merged:
    """The filled table, and where labels and models contradict each other."""

    table: pd.DataFrame
    disagreements: pd.DataFrame
    """`data.review.REVIEW_SCHEMA`, all `attribute_disagreement`."""
    summary: dict[str, object]
    """Filled, compared and differing counts by attribute, and the confusion with known labels."""


def merge_guesses(
    table: pd.DataFrame, guesses: Mapping[str, Guesses], config: AttributesConfig
) -> Merged:
    """Fill null attributes of a manifest with guesses (by model, then column; one for each row).

    A guess with NaN confidence, or below the model's `min_confidence`, is no guess; `age_years` is
    taken where the same model's `age_band` is sure enough. Provenance becomes `predicted:<model>`.
    """
    sure = {model.name: _sure(guesses[model.name], model.min_confidence) for model in config.models}
    known = table.copy()
    filled = table.copy()
    parts = list[pd.DataFrame]()
    summary = dict[str, object]()
    for column in sorted({column for by_column in guesses.values() for column in by_column}):
        voices: list[_Voice] = [
            (name, guesses[name][column], sure[name][column])
            for name in sure
            if column in guesses[name]
        ]
        summary[column] = {
            "filled": _fill(filled, column, voices),
            "against_known": _confusion(known, column, voices),
        }
        if column != "age_years":
            parts.extend(_disagreements(known, column, voices))
    return Merged(filled, as_review(joined(parts)), summary)


_Voice = tuple[str, Guess, Flags]


def _sure(guesses: Guesses, min_confidence: float) -> dict[str, Flags]:
    sure = {column: guess.confidence >= min_confidence for column, guess in guesses.items()}
    if "age_years" in sure:
        sure["age_years"] = sure["age_band"]
    return sure


def _fill(table: pd.DataFrame, column: str, voices: list[_Voice]) -> dict[str, int]:
    counts = {}
    for name, guess, sure in voices:
        rows = table[column].isna().to_numpy() & sure
        kind = float if column == "age_years" else object
        table.loc[rows, column] = guess.values[rows].astype(kind)
        table.loc[rows, f"{column}_provenance"] = f"predicted:{name}"
        if f"{column}_confidence" in table.columns:
            table.loc[rows, f"{column}_confidence"] = guess.confidence[rows]
        counts[name] = int(rows.sum())
    return counts


def _confusion(table: pd.DataFrame, column: str, voices: list[_Voice]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, guess, sure in voices:
        both = _comparable(table[column], guess) & sure
        if not both.any():
            continue
        label, said = table[column].to_numpy()[both], guess.values[both]
        if column == "age_years":
            error = np.abs(label.astype(float) - said.astype(float))
            found[name] = {"num_compared": len(label), "mean_absolute_error": float(error.mean())}
            continue
        found[name] = {
            "num_compared": len(label),
            "differing_share": float((label != said).mean()),
            "confusion": dict(
                sorted(Counter(map(" -> ".join, zip(label, said, strict=True))).items())
            ),
        }
    return found


def _disagreements(
    table: pd.DataFrame, column: str, voices: list[_Voice]
) -> Iterator[pd.DataFrame]:
    labels = table[column].to_numpy(object)
    provenance = table[f"{column}_provenance"].to_numpy(object)
    for name, guess, sure in voices:
        rows = np.flatnonzero(_comparable(table[column], guess) & sure & (labels != guess.values))
        yield _findings(
            table,
            rows,
            guess.confidence,
            [
                f"{column}: {labels[row]} ({provenance[row]}), {_says(name, guess, row)}"
                for row in rows
            ],
        )
    for place, (name, guess, sure) in enumerate(voices):
        for other_name, other, other_sure in voices[place + 1 :]:
            unknown = table[column].isna().to_numpy() & sure & other_sure
            rows = np.flatnonzero(unknown & (guess.values != other.values))
            yield _findings(
                table,
                rows,
                np.minimum(guess.confidence, other.confidence),
                [
                    f"{column}: {_says(name, guess, row)}, {_says(other_name, other, row)}"
                    for row in rows
                ],
            )


def _comparable(labels: pd.Series, guess: Guess) -> Flags:
    known = labels.isin(guess.vocabulary) if guess.vocabulary else labels.notna()
    return np.asarray(known, dtype=bool)


def _says(name: str, guess: Guess, row: np.integer) -> str:
    return f"{name} says {guess.values[row]} with {guess.confidence[row]:.2f}"


def _findings(
    table: pd.DataFrame, rows: NDArray[np.int64], score: NDArray[np.float64], details: list[str]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": table["image_id"].to_numpy()[rows],
            "other_image_id": None,
            "finding": "attribute_disagreement",
            "score": score[rows],
            "detail": details,
        }
    )
