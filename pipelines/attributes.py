"""Attributes by named models within `curate`: chips out of the photos, guesses, merging."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.attributes.config import AttributesConfig
from data.attributes.merge import Merged, merge_guesses
from data.attributes.predictors import Guess, Guesses, Predictor, chip_of
from data.images import decode_image
from data.manifest import landmarks_of
from data.photos import read_photo
from pipelines.catalogue import PretrainedAttributeModel
from pipelines.environment import usable_workers
from pipelines.layout import Layout
from pipelines.models import find, verified
from pipelines.stage import progress

_BATCH: Final = 16


def fill_attributes(table: pd.DataFrame, config: AttributesConfig, layout: Layout) -> Merged:
    """Fill unknown attributes of a manifest by the configured models; known ones are not touched.

    Photos without landmarks get no guess. Raises `ModelError` for a model that is not at hand.
    """
    guesses: dict[str, Guesses] = {
        model.name: _guess(table, model.name, _open(model.name, layout), layout)
        for model in config.models
    }
    return merge_guesses(table, guesses, config)


def _open(name: str, layout: Layout) -> Predictor:
    find(name, PretrainedAttributeModel)
    return Predictor(name, verified(layout.root, name))  # type: ignore[arg-type]  # a PredictorName


def _guess(table: pd.DataFrame, name: str, predictor: Predictor, layout: Layout) -> Guesses:
    """Guesses for every row; rows without a face have NaN confidence."""
    rows = np.flatnonzero(table["reject_reason"].isna())
    advance = progress(f"attributes by {name}")
    parts: list[Guesses] = []
    with ThreadPoolExecutor(usable_workers()) as pool:
        work = partial(_guess_batch, table, predictor, layout)
        for number, found in enumerate(pool.map(work, _batches(rows)), start=1):
            parts.append(found)
            advance(min(number * _BATCH, len(rows)), len(rows))
    return _by_row(parts, rows, len(table))


def _guess_batch(
    table: pd.DataFrame, predictor: Predictor, layout: Layout, rows: NDArray[np.int64]
) -> Guesses:
    chips = []
    for row in rows:
        photo = table.iloc[row]
        image = decode_image(read_photo(layout.photos, photo["path"]))
        chips.append(chip_of(image, landmarks_of(photo), predictor.side_px))
    return predictor.predict(np.stack(chips))


def _batches(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    return (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))


def _by_row(parts: list[Guesses], rows: NDArray[np.int64], num_rows: int) -> Mapping[str, Guess]:
    by_row: dict[str, Guess] = {}
    for column in parts[0] if parts else ():
        values = np.full(num_rows, None, object)
        confidence = np.full(num_rows, np.nan)
        values[rows] = np.concatenate([part[column].values for part in parts])
        confidence[rows] = np.concatenate([part[column].confidence for part in parts])
        by_row[column] = Guess(values, confidence, parts[0][column].vocabulary)
    return by_row
