"""Stage `ingest`: photographs of people, and one manifest row for each."""

import shutil

from data.files import sha256_tree, whole_folder, write_json
from data.manifest import SOURCE_SCHEMA, write_manifest
from data.sources.base import Source
from data.sources.campus.source import CampusSource
from data.sources.lfw import LfwSource
from pipelines.environment import data_dir, usable_workers
from pipelines.layout import Layout
from pipelines.params import CampusParams, Params
from pipelines.stage import progress


def ingest(params: Params, layout: Layout) -> None:
    """Write `artifacts/ingest`: `photos/`, `manifest.parquet` and a protocol's pairs, if any."""
    source = _source(params, layout)
    with whole_folder(layout.source_manifest.parent) as folder:
        photos = folder / layout.photos.name
        table = source.materialise(photos, usable_workers(), progress("ingest"))
        write_manifest(table, folder / layout.source_manifest.name, SOURCE_SCHEMA)
        if isinstance(source, LfwSource):
            shutil.copyfile(source.pairs, folder / layout.protocol_pairs.name)
        digest = sha256_tree(photos)
    write_json(
        layout.metrics("ingest"),
        {
            "num_photos": len(table),
            "num_subjects": int(table["subject_id"].nunique()),
            "photos_sha256": digest,
        },
    )


def _source(params: Params, layout: Layout) -> Source:
    source = params.ingest.source
    if isinstance(source, CampusParams):
        return CampusSource(source)
    return LfwSource(source, data_dir(layout.root))
