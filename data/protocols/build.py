"""All protocols of a curated manifest, split by split."""

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

from data.manifest import Split
from data.protocols.config import MiningConfig, ProtocolsConfig
from data.protocols.domain import domain
from data.protocols.drawn import Drawn, stored
from data.protocols.hard import hard
from data.protocols.index import Miner
from data.protocols.mining import Embeddings
from data.protocols.official import OFFICIAL, official
from data.protocols.photos import SplitPhotos, split_photos
from data.protocols.siblings import siblings
from data.protocols.standard import standard
from data.protocols.store import StoredProtocol
from data.protocols.templates import templates
from data.published import PublishedPairs

JUDGED_SPLITS: Final[tuple[Split, ...]] = ("calibration", "test")
"""Splits that every protocol is drawn for."""


def draw_protocols(
    table: pd.DataFrame,
    config: ProtocolsConfig,
    mining: MiningConfig,
    embeddings: Mapping[Miner, Embeddings],
    contents: Sequence[str] | None = None,
    published: PublishedPairs | None = None,
) -> dict[str, StoredProtocol]:
    """Draw every protocol of a curated manifest, by name: `<protocol>_<split>`, and `official`.

    `embeddings` holds (len(table), dim) for each model that mines, `contents` (len(table),) the
    digest of each photo's file, `published` the protocol that came with the data. Equal input gives
    equal protocols. A photo that reviewers have excluded is in none that is drawn; a photo without
    a face is, because its failure counts. Raises `ProtocolError` for one mining model alone.
    """
    found: dict[str, StoredProtocol] = {}
    for split in JUDGED_SPLITS:
        photos = split_photos(table, split, config.seed, contents)
        local = {miner: vectors[photos.rows] for miner, vectors in embeddings.items()}
        for name, drawn in _of_split(photos, config, mining, local).items():
            found[f"{name}_{split}"] = stored(drawn, photos)
    canary = split_photos(table, "canary", config.seed, contents)
    if len(canary):
        found["standard_canary"] = stored(standard(canary, config.standard, config.seed), canary)
    if published is not None:
        everything = split_photos(table, "test", config.seed, contents, excluded=True)
        found[OFFICIAL] = stored(official(everything, published), everything)
    return found


def _of_split(
    photos: SplitPhotos,
    config: ProtocolsConfig,
    mining: MiningConfig,
    embeddings: Mapping[Miner, Embeddings],
) -> dict[str, Drawn]:
    seed = config.seed
    return {
        "standard": standard(photos, config.standard, seed),
        "domain": domain(photos, config.domain, seed),
        "hard": hard(photos, config.hard, mining, embeddings, seed),
        "siblings": siblings(photos, config.siblings, seed),
        "templates": templates(photos, config.templates, seed),
    }
