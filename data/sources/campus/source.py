"""Render the whole campus into a folder, on several processes."""

import multiprocessing
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import pandas as pd

from data.errors import SourceError
from data.files import whole_file
from data.manifest import SOURCE_SCHEMA, validate, with_source_columns
from data.sources.base import Progress, SourceData
from data.sources.campus.config import CampusConfig
from data.sources.campus.render import render_photo

_Rows = list[dict[str, Any]]


def _single_threaded() -> None:
    """One process for each core; threads inside them would only fight."""
    cv2.setNumThreads(1)


def _render_subject(config: CampusConfig, folder: Path, subject: int) -> _Rows:
    rows = []
    for photo in range(config.photos_per_subject):
        content, row = render_photo(config, subject * config.photos_per_subject + photo)
        with whole_file(folder / row["path"]) as unfinished:
            unfinished.write_bytes(content)
        rows.append(row)
    return rows


def _on_processes(config: CampusConfig, folder: Path, workers: int) -> Generator[_Rows]:
    task = partial(_render_subject, config, folder)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_single_threaded)
    try:
        yield from pool.map(task, range(config.num_subjects))
    except BrokenProcessPool as error:
        raise SourceError(
            "campus: a rendering process was killed; check the memory and run it again"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupted caller does not wait for the rest


def _in_process(config: CampusConfig, folder: Path) -> Generator[_Rows]:
    for subject in range(config.num_subjects):
        yield _render_subject(config, folder, subject)


class CampusSource:
    """The synthetic campus as a source of photographs."""

    def __init__(self, config: CampusConfig) -> None:
        """Keep the config; nothing is rendered yet."""
        self.config = config

    def materialise(self, folder: Path, workers: int, progress: Progress) -> SourceData:
        """Write `<folder>/<subject_id>/<image_id>.jpg` and return the rows; there is no protocol.

        `progress` is called with photos done and photos in all, after each student. Bytes and rows
        do not depend on `workers`. Raises `SourceError` where a worker is killed.
        """
        if workers < 1:
            raise SourceError(f"campus: {workers} workers; give at least 1")
        folder.mkdir(parents=True, exist_ok=True)
        config, rows = self.config, list[dict[str, Any]]()
        several = _on_processes(config, folder, workers)
        with closing(several if workers > 1 else _in_process(config, folder)) as batches:
            for batch in batches:
                rows.extend(batch)
                progress(len(rows), config.num_photos)
        table = with_source_columns(pd.DataFrame(rows))
        return SourceData(validate(table, SOURCE_SCHEMA, "campus"))
