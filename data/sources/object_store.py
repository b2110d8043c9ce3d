"""Photos in an object store: what lies below a URL is fetched, then read as another source.

`s3://bucket/prefix` is Amazon S3 or any store that speaks its protocol; `file://` and `memory://`
are for a mounted folder and for tests. Endpoint and credentials come from the environment
(AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, ... or a profile), never from parameters.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import fsspec
from pydantic import BaseModel, ConfigDict, Field

from data.errors import SourceError
from data.files import sha256_bytes
from data.sources.base import Progress, Source, SourceData
from data.sources.objects import fetch_objects, list_objects

URL_PATTERN: Final = r"^(s3|file|memory)://[^@:?#]+$"
"""No credentials, no port, no chained file systems."""


class ObjectStoreConfig(BaseModel):
    """Where the objects are, and how many of them are believable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=URL_PATTERN)
    """Everything below it is fetched; it takes the place of the folder of data sets."""
    max_bytes: int = Field(ge=1)
    """More is refused before a byte is fetched."""
    max_objects: int = Field(ge=1)
    """More are refused as well."""
    etag_is_md5: bool = True
    """Whether an ETag of 32 hex digits is the MD5 of the object, as S3 has it for single uploads;
    false for stores that encrypt with keys of a key service."""


class ObjectStoreSource:
    """An object store as a source; `open_inner` makes the source that reads what was fetched."""

    def __init__(
        self,
        config: ObjectStoreConfig,
        cache: Path,
        open_inner: Callable[[Path], Source],
        fetch_progress: Progress,
    ) -> None:
        """Keep the places; nothing is asked for yet. `cache` survives runs and may be deleted."""
        self.config = config
        self.cache = cache / sha256_bytes(config.url.encode())[:16]
        self.open_inner = open_inner
        self.fetch_progress = fetch_progress

    def materialise(self, folder: Path, workers: int, progress: Progress) -> SourceData:
        """Fetch what is new, then do what the inner source does.

        Raises `SourceError` that names the URL or object, or what the inner source raises.
        """
        # Made afresh, because fsspec would keep credentials and listings of an earlier call.
        files, prefix = fsspec.core.url_to_fs(
            self.config.url, skip_instance_cache=True, use_listings_cache=False
        )
        objects = list_objects(files, prefix)
        self._check_size(len(objects), sum(entry.num_bytes for entry in objects))
        if not self.config.etag_is_md5:
            objects = [replace(entry, md5=None) for entry in objects]
        fetched = fetch_objects(files, objects, self.cache, self.fetch_progress)
        return self.open_inner(fetched).materialise(folder, workers, progress)

    def _check_size(self, num_objects: int, num_bytes: int) -> None:
        if num_objects > self.config.max_objects or num_bytes > self.config.max_bytes:
            raise SourceError(
                f"{self.config.url}: {num_objects:,} objects of {num_bytes:,} bytes in all are more"
                f" than max_objects {self.config.max_objects:,} or max_bytes"
                f" {self.config.max_bytes:,}"
            )
