"""Stage `ingest`: photographs of people, and one manifest row for each."""

from data.files import sha256_tree, whole_folder, write_json
from data.manifest import SOURCE_SCHEMA, write_manifest
from data.published import write_published
from data.sources.base import SourceData
from pipelines.environment import usable_workers
from pipelines.layout import Layout
from pipelines.params import Params
from pipelines.sources import open_source
from pipelines.stage import progress


def ingest(params: Params, layout: Layout) -> None:
    """Write `artifacts/ingest`: `photos/`, `manifest.parquet`, and `protocol.parquet`, if any."""
    source = open_source(params.ingest.source, layout)
    with whole_folder(layout.source_manifest.parent) as folder:
        photos = folder / layout.photos.name
        found = source.materialise(photos, usable_workers(), progress("ingest"))
        write_manifest(found.table, folder / layout.source_manifest.name, SOURCE_SCHEMA)
        if found.protocol is not None:
            write_published(found.protocol, folder / layout.protocol_pairs.name)
        digest = sha256_tree(photos)
    write_json(layout.metrics("ingest"), {**summary(found), "photos_sha256": digest})


def summary(found: SourceData) -> dict[str, object]:
    """Photos and people, and the published comparisons where there are any."""
    figures: dict[str, object] = {
        "num_photos": len(found.table),
        "num_subjects": int(found.table["subject_id"].nunique()),
    }
    if found.protocol is not None:
        figures["num_protocol_pairs"] = len(found.protocol)
    return figures
