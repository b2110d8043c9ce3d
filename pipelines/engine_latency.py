"""How long the engine that serves takes for one photo on this machine, from bytes to embedding."""

import time
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from data.images import decode_image
from data.manifest import landmarks_of
from data.photos import read_photo
from evaluation.measures.latency import LatencyReport, latency_report
from serving.engine import Engine

_WARM_UP: Final = 5


def engine_latency(
    table: pd.DataFrame, photos: Path, engine: Engine, max_photos: int, confidence: float
) -> LatencyReport | None:
    """Time usable photos of a table one after the other, read before the clock starts.

    None where there are none, or `max_photos` is 0.
    """
    usable = table[table["reject_reason"].isna()].head(max_photos)
    if usable.empty:
        return None
    contents = [read_photo(photos, path) for path in usable["path"]]
    landmarks = [landmarks_of(row) for _, row in usable.iterrows()]
    times_ms = []
    for content, points in [*zip(contents, landmarks, strict=True)][:_WARM_UP]:
        engine.embed(decode_image(content)[None], points[None])
    for content, points in zip(contents, landmarks, strict=True):
        started_s = time.perf_counter()
        engine.embed(decode_image(content)[None], points[None])
        times_ms.append(1e3 * (time.perf_counter() - started_s))
    what = "decoding and embedding one photo, one after the other, with one thread"
    return latency_report(np.array(times_ms), what, confidence)
