"""Sources by their parameters."""

from functools import partial
from pathlib import Path

from data.sources.base import Source
from data.sources.campus.source import CampusSource
from data.sources.folder import FolderSource
from data.sources.ijb import IjbSource
from data.sources.lfw import LfwSource
from data.sources.listing import ListingSource
from data.sources.object_store import ObjectStoreSource
from data.sources.recordio import RecordIoSource
from data.sources.verification_bin import VerificationBinSource
from pipelines.environment import data_dir
from pipelines.layout import Layout
from pipelines.params import (
    CampusParams,
    FileSourceParams,
    FolderParams,
    IjbParams,
    LfwParams,
    ListingParams,
    ObjectStoreParams,
    RecordIoParams,
    SourceParams,
)
from pipelines.stage import progress


def open_source(source: SourceParams, layout: Layout) -> Source:
    """Make the source that the parameters name; nothing is read yet."""
    if isinstance(source, CampusParams):
        return CampusSource(source)
    if isinstance(source, ObjectStoreParams):
        inner = partial(open_file_source, source.inner)
        return ObjectStoreSource(source, layout.object_cache, inner, progress("fetch"))
    return open_file_source(source, data_dir(layout.root))


def open_file_source(source: FileSourceParams, folder: Path) -> Source:
    """Make a source that reads files below a folder of data sets."""
    if isinstance(source, LfwParams):
        return LfwSource(source, folder)
    if isinstance(source, FolderParams):
        return FolderSource(source, folder)
    if isinstance(source, ListingParams):
        return ListingSource(source, folder)
    if isinstance(source, RecordIoParams):
        return RecordIoSource(source, folder)
    if isinstance(source, IjbParams):
        return IjbSource(source, folder)
    return VerificationBinSource(source, folder)
