"""Put photos through the engine that serves them, and compare the people of one split."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.images import decode_image
from data.manifest import Split, landmarks_of
from data.photos import read_photo
from data.protocols.pooling import pool
from data.protocols.protocol import PairProtocol
from evaluation.scores import Flags, ScoredSplit, score_split
from pipelines.environment import usable_workers
from pipelines.errors import StageError
from pipelines.layout import Layout
from pipelines.stage import progress
from serving.engine import Engine


@dataclass(frozen=True, slots=True)
class EmbeddedPhotos:
    """Photos of one split with their embeddings, rejected ones included."""

    table: pd.DataFrame
    """Manifest rows, counted from 0."""
    embeddings: NDArray[np.float32]
    """(num_rows, dim) of unit length; zero where a photo gave no template."""
    usable: Flags
    """(num_rows,): whether it gave one."""

    def only(self, image_ids: Collection[str]) -> "EmbeddedPhotos":
        """Keep some photos, in the order of the manifest."""
        kept = self.table["image_id"].isin(set(image_ids)).to_numpy()
        table = self.table[kept].reset_index(drop=True)
        return EmbeddedPhotos(table, self.embeddings[kept], self.usable[kept])


def embed_split(
    table: pd.DataFrame,
    split: Split,
    wanted: Collection[str] | None,
    engine: Engine,
    layout: Layout,
) -> EmbeddedPhotos:
    """Embed the usable photos of a split, or those of them that are `wanted` by image id."""
    rows = table[table["split"] == split]
    if wanted is not None:
        rows = rows[rows["image_id"].isin(set(wanted))]
    if rows.empty:
        raise StageError(f"the {split} split has no photos; `dvc repro curate` with other shares")
    rows = rows.reset_index(drop=True)
    usable = rows["reject_reason"].isna().to_numpy(copy=True)
    embeddings = np.zeros((len(rows), engine.embedding_dim), dtype=np.float32)
    embeddings[usable] = _embed(rows[usable], layout.photos, engine, f"embed {split}")
    # A photo without a usable face comes back as the zero vector; it is a failure to extract.
    usable &= np.linalg.norm(embeddings, axis=1) > 0
    return EmbeddedPhotos(rows, embeddings, usable)


def score_photos(photos: EmbeddedPhotos, protocol: PairProtocol) -> ScoredSplit:
    """Score the pairs of a protocol of photos; photos that are in no pair stay in the table."""
    pairs = protocol.on(list(photos.table["image_id"]))
    return score_split(photos.table, photos.embeddings, photos.usable, pairs)


def score_templates(
    photos: EmbeddedPhotos, protocol: PairProtocol, templates: pd.DataFrame
) -> ScoredSplit:
    """Score the pairs of a protocol of templates, each pooled from its photos by medium."""
    image_ids = list(photos.table["image_id"])
    names, pooled, usable = pool(photos.embeddings, image_ids, photos.usable, templates)
    owners = templates.drop_duplicates("template_id").set_index("template_id")["subject_id"]
    subjects = owners.reindex(list(names)).to_numpy()
    table = pd.DataFrame({"template_id": list(names), "subject_id": subjects})
    return score_split(table, pooled, usable, protocol.on(names))


def _embed(
    rows: pd.DataFrame, photos: Path, engine: Engine, description: str
) -> NDArray[np.float32]:
    def one(row: pd.Series) -> NDArray[np.float32]:
        image = decode_image(read_photo(photos, row["path"]))
        embedding: NDArray[np.float32] = engine.embed(image[None], landmarks_of(row)[None])[0]
        return embedding

    advance = progress(description)
    found: list[NDArray[np.float32]] = []
    # Threads are enough: decoder and engine both let go of the interpreter while they work.
    with ThreadPoolExecutor(usable_workers()) as threads:
        for embedding in threads.map(one, (row for _, row in rows.iterrows())):
            found.append(embedding)
            advance(len(found), len(rows))
    return np.stack(found) if found else np.zeros((0, engine.embedding_dim), np.float32)
