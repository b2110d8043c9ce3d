"""The worst errors at the default operating point, as pairs of crops."""

import pandas as pd

from evaluation.gallery import FALSE_MATCH, FALSE_NON_MATCH
from pipelines.report_page.blocks import Block, Gallery, Note, Pair, Section
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.numbers import cosine, words
from pipelines.report_page.pictures import Album

_NUM_SLICES = 4


def gallery(inputs: Inputs) -> Section:
    """False matches with the highest, false non-matches with the lowest scores."""
    lead = (
        f"The worst errors at {inputs.report.default_operating_point}, as the network sees them;"
        " nobody stands in more than two pairs of a kind. Photos in which no face was found have no"
        " score and are not here."
    )
    pairs = inputs.worst_pairs
    if pairs is None:
        missing = "No comparisons were kept for it: `dvc repro evaluate`."
        return Section("gallery", "Failure gallery", lead, missing=missing)
    blocks: list[Block] = [
        *_of_kind(pairs, FALSE_MATCH, "False matches: two people taken for one", inputs.album),
        *_of_kind(
            pairs, FALSE_NON_MATCH, "False non-matches: one person taken for two", inputs.album
        ),
    ]
    return Section("gallery", "Failure gallery", lead, blocks)


def pair_of(row: pd.Series, album: Album, lines: list[str]) -> Pair:
    """Two crops with their score."""
    left, right = (
        album.picture(str(row[f"{side}_image_id"]), str(row[f"{side}_subject_id"]))
        for side in ("left", "right")
    )
    who = f"{row['left_subject_id']} / {row['right_subject_id']}"
    if row["left_subject_id"] == row["right_subject_id"]:
        who = str(row["left_subject_id"])
    return Pair(left, right, f"score {cosine(float(row['score']))}", [who, *lines])


def _of_kind(pairs: pd.DataFrame, kind: str, title: str, album: Album) -> list[Block]:
    shown = pairs[pairs["kind"] == kind]
    if shown.empty:
        return [Note(f"{title}: there was none.")]
    found = [pair_of(row, album, _lines(row)) for _, row in shown.iterrows()]
    threshold = cosine(float(shown["threshold"].iloc[0]))
    return [Gallery(f"{title} (threshold {threshold})", found)]


def _lines(row: pd.Series) -> list[str]:
    names = str(row["slices"]).split()
    more = f" +{len(names) - _NUM_SLICES}" if len(names) > _NUM_SLICES else ""
    return [words(", ".join(names[:_NUM_SLICES])) + more] if names else []
