"""Put photos through the engine that serves them, and compare the people of one split."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.images import decode_image
from data.lfw_pairs import read_lfw_pairs
from data.manifest import Split, landmarks_of
from data.pairs import Pairs, cross_pairs
from evaluation.config import EvaluationConfig
from evaluation.scores import ScoredSplit, score_split
from pipelines.environment import usable_workers
from pipelines.errors import StageError
from pipelines.layout import Layout
from pipelines.stage import progress
from serving.engine import Engine


def score(
    table: pd.DataFrame, split: Split, engine: Engine, layout: Layout, config: EvaluationConfig
) -> ScoredSplit:
    """Embed every usable photo of a split and score its comparisons."""
    rows, pairs = _comparisons(table[table["split"] == split], split, layout, config)
    usable = rows["reject_reason"].isna().to_numpy()
    embeddings = np.zeros((len(rows), engine.embedding_dim), dtype=np.float32)
    embeddings[usable] = _embed(rows[usable], layout.photos, engine, f"embed {split}")
    # A photo without a usable face comes back as the zero vector; it is a failure to extract.
    usable &= np.linalg.norm(embeddings, axis=1) > 0
    return score_split(rows, embeddings, usable, pairs)


def _comparisons(
    rows: pd.DataFrame, split: Split, layout: Layout, config: EvaluationConfig
) -> tuple[pd.DataFrame, Pairs]:
    """Rows that are compared, rejected photos included, and the pairs between them."""
    if rows.empty:
        raise StageError(f"the {split} split has no photos; `dvc repro curate` with other shares")
    if config.protocol == "lfw" and split == "test":
        listed = read_lfw_pairs(layout.protocol_pairs)
        wanted = {*listed.left_image_ids, *listed.right_image_ids}
        rows = rows[rows["image_id"].isin(wanted)].reset_index(drop=True)
        return rows, listed.on(list(rows["image_id"]))
    rows = rows.reset_index(drop=True)
    subjects = list(rows["subject_id"])
    return rows, cross_pairs(subjects, config.max_impostor_pairs, config.seed)


def _embed(
    rows: pd.DataFrame, photos: Path, engine: Engine, description: str
) -> NDArray[np.float32]:
    def one(row: pd.Series) -> NDArray[np.float32]:
        image = decode_image((photos / row["path"]).read_bytes())
        embedding: NDArray[np.float32] = engine.embed(image[None], landmarks_of(row)[None])[0]
        return embedding

    advance = progress(description)
    found: list[NDArray[np.float32]] = []
    # Threads are enough: decoder and engine both let go of the interpreter while they work.
    with ThreadPoolExecutor(usable_workers()) as pool:
        for embedding in pool.map(one, (row for _, row in rows.iterrows())):
            found.append(embedding)
            advance(len(found), len(rows))
    return np.stack(found) if found else np.zeros((0, engine.embedding_dim), np.float32)
