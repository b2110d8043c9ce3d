"""Public verification sets as they are published: which photos, which pairs, in which folds.

Nothing is copied but `.bin` files, which are one file each and are unpacked into a folder of the
caller's. Where a set comes with landmarks, or with aligned crops, those are taken, as in every
published figure; for LFW the bundle's own detector finds the faces.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd

from data.errors import SourceError
from data.lfw_pairs import read_lfw_pairs
from data.manifest import TRUE_LANDMARK_COLUMNS, with_source_columns
from data.published import PublishedPairs
from data.sources.base import Progress
from data.sources.ijb import IjbConfig, IjbSource
from data.sources.lfw_labels import read_lfw_labels, with_labels
from data.sources.verification_bin import VerificationBinConfig, VerificationBinSource
from pipelines.errors import StageError

PublicProtocol = Literal["lfw", "bin", "rfw", "ijbb", "ijbc"]
PROTOCOLS: Final = get_args(PublicProtocol)
LFW_FOLDS: Final = 10


@dataclass(frozen=True, slots=True)
class PublicSet:
    """One set: photos, and the comparisons that were published with them."""

    name: str
    photos: Path
    """Folder that the paths of the table are below."""
    table: pd.DataFrame
    """A row for each photo: image_id, subject_id, path; with landmarks where `has_landmarks`."""
    pairs: PublishedPairs
    has_landmarks: bool


def read_sets(
    protocol: PublicProtocol,
    place: Path,
    unpacked: Path,
    progress: Callable[[str], Progress],
    *,
    given_landmarks: bool = False,
) -> Iterator[PublicSet]:
    """Read the sets of a protocol, one after the other; `unpacked` is an empty folder to fill.

    `place` is LFW's folder, IJB's folder with `meta/` and `loose_crop/`, a `.bin` file, or a folder
    of them; for `rfw` each file is one group. `given_landmarks` takes those of LFW's `meta.csv`;
    the other sets come with theirs in any case. Raises `SourceError` or `StageError` that names
    what is missing or wrong, and `StageError` for a protocol that is not known.
    """
    if protocol not in PROTOCOLS:
        raise StageError(f"no protocol {protocol!r}; choose one of: {', '.join(PROTOCOLS)}")
    if protocol == "lfw":
        yield lfw_set(place, given_landmarks=given_landmarks)
    elif protocol in ("ijbb", "ijbc"):
        yield _ijb_set(place, protocol)
    else:
        for file in _bin_files(place, protocol):
            yield _bin_set(file, unpacked, progress(f"unpack {file.stem}"))


def lfw_set(folder: Path, *, given_landmarks: bool = False) -> PublicSet:
    """Labeled Faces in the Wild: the photos of `pairs.txt`, View 2.

    Raises `SourceError` for a missing photo, for pairs that are not in ten folds, and where
    landmarks are to be given and `meta.csv` lacks some.
    """
    pairs = read_lfw_pairs(folder / "pairs.txt")
    num_folds = 0 if pairs.fold is None else len(np.unique(pairs.fold))
    if num_folds != LFW_FOLDS:
        raise SourceError(
            f"{folder / 'pairs.txt'} has {num_folds} folds, the published protocol {LFW_FOLDS};"
            " take the official pairs.txt"
        )
    ids = sorted(pairs.ids)
    people = [name.rpartition("_")[0] for name in ids]
    paths = [f"{person}/{name}.jpg" for person, name in zip(people, ids, strict=True)]
    _check_photos(folder / "images", paths)
    table = pd.DataFrame({"image_id": ids, "subject_id": people, "path": paths})
    if given_landmarks:
        table = with_labels(with_source_columns(table), read_lfw_labels(folder / "meta.csv"))
        missing = table.loc[table[list(TRUE_LANDMARK_COLUMNS)].isna().any(axis=1), "path"]
        if len(missing):
            raise SourceError(
                f"{folder / 'meta.csv'} has no landmarks of {len(missing)} photos, such as"
                f" {missing.iloc[0]}; let the bundle's detector find them"
            )
    return PublicSet("lfw", folder / "images", table, pairs, has_landmarks=given_landmarks)


def _check_photos(folder: Path, paths: list[str]) -> None:
    missing = [path for path in paths if not (folder / path).is_file()]
    if missing:
        raise SourceError(
            f"{folder}: {len(missing)} of {len(paths)} photos of the pairs are missing, such as"
            f" {missing[0]}"
        )


def _ijb_set(folder: Path, benchmark: Literal["ijbb", "ijbc"]) -> PublicSet:
    place = folder.resolve()
    found = IjbSource(IjbConfig(folder=place.name, benchmark=benchmark), place.parent).look()
    if found.protocol is None:
        raise StageError(f"{folder}: no pairs of templates")
    return PublicSet(
        benchmark, folder / "loose_crop", found.table, found.protocol, has_landmarks=True
    )


def _bin_files(place: Path, protocol: str) -> list[Path]:
    files = sorted(place.glob("*.bin")) if place.is_dir() else [place]
    if not files:
        raise StageError(f"{place} holds no .bin file")
    if protocol == "rfw" and len(files) < 2:
        raise StageError(f"{place}: rfw compares groups; give a folder with a .bin file of each")
    return files


def _bin_set(file: Path, unpacked: Path, progress: Progress) -> PublicSet:
    config = VerificationBinConfig(file=file.name)
    found = VerificationBinSource(config, file.parent).materialise(unpacked, 1, progress)
    if found.protocol is None:
        raise StageError(f"{file}: no pairs")
    return PublicSet(file.stem, unpacked, found.table, found.protocol, has_landmarks=True)
