"""Stage `curate`: who is trained on, who sets the threshold, who is the exam, who meets whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from data.balance import Balance, balance_of
from data.files import whole_folder, write_json
from data.manifest import ALIGNED_SCHEMA, CURATED_SCHEMA, SPLITS, read_manifest, write_manifest
from data.protocols.build import draw_protocols
from data.protocols.mining import Embeddings
from data.protocols.store import StoredProtocol, write_protocols
from data.published import PublishedPairs, read_published
from data.sampling import sampling_weights
from data.splits import SplitConfig, assign_splits, family_leaks, split_by_protocol
from data.training_labels import copied_elsewhere, training_labels
from pipelines.aligned_crops import open_aligned_crops
from pipelines.attributes import fill_attributes
from pipelines.balance_figures import draw_balance, write_label_shares
from pipelines.errors import StageError
from pipelines.frozen import frozen_embeddings
from pipelines.layout import Layout
from pipelines.mining import as_miners
from pipelines.params import CurateParams, Params
from pipelines.review import decide, hash_table, review, write_review


@dataclass(frozen=True, slots=True)
class Curated:
    """A manifest with splits, labels and weights, and what was drawn and counted from it."""

    table: pd.DataFrame
    protocols: dict[str, StoredProtocol]
    balance: Balance
    num_copied_elsewhere: int
    """Photos of the train split that are not trained on, because another split has their file."""


def curate(params: Params, layout: Layout) -> None:
    """Write `artifacts/curate`: `manifest.parquet`, `protocols/`, the review list and the balance.

    Raises `StageError` where a family would be in several splits, or nobody is left to train on.
    """
    config = params.curate
    table = read_manifest(layout.aligned_manifest, ALIGNED_SCHEMA)
    table, applied = decide(table, config.review, layout)
    filled = fill_attributes(table, config.attributes, layout)
    published = read_published(layout.protocol_pairs) if layout.protocol_pairs.exists() else None
    table = filled.table.assign(split=divided(filled.table, published, config.splits))
    hashes = hash_table(table, config.review, layout)
    embeddings = _frozen(table, config, layout)
    judges = {name: embeddings[name] for name in config.review.embedders}
    reviewed = review(table, hashes, judges, filled.disagreements, applied, config.review)
    found = curated(table, config, embeddings, list(hashes.sha256), published)
    with whole_folder(layout.curated_manifest.parent) as folder:
        write_manifest(found.table, folder / layout.curated_manifest.name, CURATED_SCHEMA)
        write_protocols(found.protocols, folder / layout.protocols.name)
        found.balance.cells.to_parquet(folder / "balance.parquet", index=False)
        draw_balance(found.balance, config.balance.columns, folder / "balance.png")
        write_review(folder, reviewed, found.table, layout, config.review)
    write_label_shares(found.balance, layout.plots / "balance.csv")
    further = {"review": reviewed.summary, "attributes": filled.summary}
    write_json(layout.metrics("curate"), {**summary(found), **further})


def divided(
    table: pd.DataFrame, published: PublishedPairs | None, config: SplitConfig
) -> pd.Series:
    """Split of each row; the people of a published protocol are the test split."""
    if published is None:
        split = assign_splits(table, config)
    else:
        split = split_by_protocol(table, published.subjects_in(table), config)
    leaks = family_leaks(table.assign(split=split))
    if leaks:
        raise StageError(f"{len(leaks)} families are in several splits, such as {leaks[0]}")
    return split


def curated(
    table: pd.DataFrame,
    config: CurateParams,
    embeddings: Mapping[str, Embeddings],
    contents: Sequence[str],
    published: PublishedPairs | None,
) -> Curated:
    """Label, weigh, count and pair a manifest that has its splits.

    `embeddings` are of frozen models, by name (n, dim); `contents` (n,) digests of the photo files.
    """
    table = table.assign(label=training_labels(table, config.min_photos_to_train, contents))
    _check_someone_is_trained_on(table, config, published)
    table = table.assign(sampling_weight=sampling_weights(table, config.sampling))
    miners = as_miners(config.mining.models, embeddings)
    return Curated(
        table=table,
        protocols=draw_protocols(
            table, config.protocols, config.mining, miners, contents, published
        ),
        balance=balance_of(table, config.balance),
        num_copied_elsewhere=int(copied_elsewhere(table, contents).sum()),
    )


def summary(found: Curated) -> dict[str, object]:
    """People and photos of each split, the balance, and every protocol by size and digest."""
    table = found.table
    usable = table["reject_reason"].isna()
    return {
        "num_classes": int(table["label"].max()) + 1,
        "num_not_trained_because_in_another_split": found.num_copied_elsewhere,
        **{split: _counts(table[table["split"] == split], usable) for split in SPLITS},
        "balance": found.balance.summary,
        "protocols": {
            name: {
                "digest": stored.entry.digest,
                "num_genuine": stored.entry.num_genuine,
                "num_impostor": stored.entry.num_impostor,
            }
            for name, stored in found.protocols.items()
        },
    }


def _frozen(table: pd.DataFrame, config: CurateParams, layout: Layout) -> dict[str, Embeddings]:
    """Embeddings of every frozen model that reviews or mines, each computed once."""
    names = sorted({*config.review.embedders, *config.mining.models})
    if not names:
        return {}
    crops = open_aligned_crops(layout)
    return frozen_embeddings(layout.root, names, crops, table["crop_index"].to_numpy())


def _counts(rows: pd.DataFrame, usable: pd.Series) -> dict[str, int]:
    return {
        "num_subjects": int(rows["subject_id"].nunique()),
        "num_photos": len(rows),
        "num_usable": int(usable[rows.index].sum()),
    }


def _check_someone_is_trained_on(
    table: pd.DataFrame, config: CurateParams, published: PublishedPairs | None
) -> None:
    """Nobody is allowed only where a data set is all protocol, such as a verification `.bin`."""
    if (table["label"] >= 0).any():
        return
    if published is not None and (table["split"] == "test").all():
        return
    raise StageError(
        f"nobody of the train split has {config.min_photos_to_train} usable photos;"
        " ingest more people or lower curate.min_photos_to_train"
    )
