"""One folder for each person: `<root>/<person>/<photo>.jpg`, and at will a table of attributes.

The rules, each an error that names the place:
- a person is a folder directly below the root, its name the `subject_id`; a photo is a file in it,
  by its suffix .jpg, .jpeg, .png or .webp in any case; deeper folders and loose files are refused,
  because nobody can tell whose they are;
- names that begin with a dot are skipped; other files are refused, or skipped as the config says;
- a person without photos is refused, because that is what a broken copy looks like;
- two photos of a person may not share a stem, for the `image_id` is `<person>/<stem>`;
- a link may not lead out of the root.
Whether a file holds the picture that it claims is for `align`, which gives a reject reason.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from data.errors import SourceError
from data.manifest import SOURCE_SCHEMA, validate, with_source_columns
from data.sources.attribute_table import add_attributes
from data.sources.base import Progress, SourceData
from data.sources.copying import copy_photos, path_fault
from data.sources.tables import ImportedProvenance

PHOTO_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp")


class FolderConfig(BaseModel):
    """Where the people's folders lie, and what is known of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str = Field(min_length=1)
    """Below the folder of data sets; holds one folder for each person."""
    other_files: Literal["refuse", "skip"] = "refuse"
    """What becomes of files that are no photos by their suffix."""
    attributes: str | None = None
    """CSV or Parquet below the folder of data sets, with `subject_id` or `path` and attributes."""
    attributes_provenance: ImportedProvenance = "manual"
    """Who vouches for labels of that table that state no provenance of their own."""


class FolderSource:
    """Folders of people as a source of photographs."""

    def __init__(self, config: FolderConfig, data_dir: Path) -> None:
        """Keep the places; nothing is read yet."""
        self.root = data_dir / config.folder
        self.config = config
        self.attributes = data_dir / config.attributes if config.attributes else None

    def materialise(self, folder: Path, workers: int, progress: Progress) -> SourceData:
        """Copy the photos to `<folder>/<person>/`; returns their rows, there is no protocol.

        Raises `SourceError` or `ManifestError` that names the folder, file, or row and column.
        """
        rows = pd.DataFrame(self._photos(), columns=["image_id", "subject_id", "path"])
        if rows.empty:
            raise SourceError(f"{self.root}: holds no folders of photos")
        if self.attributes is not None:
            rows = add_attributes(rows, self.attributes, self.config.attributes_provenance)
        table = validate(with_source_columns(rows), SOURCE_SCHEMA, str(self.root))
        copy_photos(self.root, list(table["path"]), folder, workers, progress)
        return SourceData(table)

    def _photos(self) -> Iterator[tuple[str, str, str]]:
        for person in _entries(self.root):
            if person.is_dir():
                yield from self._photos_of(person.name)
            else:
                self._other(person)

    def _photos_of(self, person: str) -> Iterator[tuple[str, str, str]]:
        stems: dict[str, str] = {}
        for entry in _entries(self.root / person):
            stem, suffix = os.path.splitext(entry.name)  # noqa: PTH122 - of a name, not of a path
            if entry.is_dir():
                raise SourceError(f"{entry.path}: is a folder inside a person's folder")
            if suffix.lower() not in PHOTO_SUFFIXES:
                self._other(entry)
                continue
            if stem in stems:
                raise SourceError(
                    f"{entry.path}: has the same stem as {stems[stem]}; rename one of them"
                )
            stems[stem] = entry.name
            path = f"{person}/{entry.name}"
            fault = path_fault(self.root, path)
            if fault:
                raise SourceError(f"{entry.path}: {fault}")
            yield f"{person}/{stem}", person, path
        if not stems:
            raise SourceError(f"{self.root / person}: holds no photos; remove the folder")

    def _other(self, entry: os.DirEntry[str]) -> None:
        if self.config.other_files == "refuse":
            raise SourceError(
                f"{entry.path}: is no photo of a person; remove it or set other_files: skip"
            )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Entries by name, without hidden ones."""
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not entry.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"{folder}: cannot be listed ({error.strerror})") from error
    return sorted(entries, key=lambda entry: entry.name)
