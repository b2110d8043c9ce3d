"""The reference window of a model: the test split as traffic at a gate.

Every photo taken at a gate is one claim, of the person's own identity: it is compared with the
photo on file, and has its quality. So the scores are of genuine comparisons only, as nearly all are
at a gate. Where a source does not say what was taken where, the first photo is on file and the
others are the gate's. People without a usable photo on file could not have been enrolled and are
left out. The test split knows no sites and no times: once a system runs, a first accepted day of
its own traffic is the better reference.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from evaluation.drift.window import EMBEDDING, WINDOW_QUALITY, check_window
from pipelines.scoring import EmbeddedPhotos

_AT_THE_GATE = "gate"


def reference_window(photos: EmbeddedPhotos, threshold: float) -> pd.DataFrame:
    """One row for each claim, decided at a threshold; see `evaluation.drift.window`."""
    rows = [row for claim in _claims(photos) for row in (_row(photos, *claim, threshold),)]
    columns = ["subject_id", "score", "decision", "site", "device", "at_s", *WINDOW_QUALITY]
    table = pd.DataFrame(rows, columns=[*columns, EMBEDDING])
    return check_window(table, "the reference window")


def _claims(photos: EmbeddedPhotos) -> Iterator[tuple[int, int]]:
    """Rows of the photo on file and of the live one."""
    for _, person in photos.table.groupby("subject_id", sort=True):
        live = person["capture_kind"] == _AT_THE_GATE
        if not live.any():
            live = pd.Series(person.index != person.index[0], index=person.index)
        on_file = [row for row in person.index[~live] if photos.usable[row]]
        for row in person.index[live] if on_file else ():
            yield on_file[0], row


def _row(photos: EmbeddedPhotos, on_file: int, live: int, threshold: float) -> dict[str, Any]:
    photo = photos.table.iloc[live]
    row = {name: photo[name] for name in ("subject_id", *WINDOW_QUALITY)}
    row |= {"site": None, "device": None, "at_s": np.nan}
    if not photos.usable[live]:
        return row | {"score": np.nan, "decision": "refused", EMBEDDING: None}
    embedding = photos.embeddings[live]
    score = float(np.clip(np.dot(photos.embeddings[on_file], embedding), -1, 1))
    decision = "match" if score >= threshold else "non_match"
    return row | {"score": score, "decision": decision, EMBEDDING: embedding}
