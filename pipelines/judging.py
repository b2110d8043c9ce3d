"""Which pair protocols of the test split are judged, and how each is scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from data.protocols.cells import cells_of
from data.protocols.config import HardConfig
from data.protocols.index import ProtocolEntry
from data.protocols.protocol import Bins, PairProtocol
from data.protocols.store import read_index, read_protocol, read_templates
from evaluation.config import EvaluationConfig
from evaluation.operating_points import OperatingPoint
from evaluation.scores import ScoredSplit
from evaluation.suites.protocols import (
    ProtocolIdentity,
    ProtocolReport,
    ScoredProtocol,
    judge_protocol,
)
from pipelines.errors import StageError
from pipelines.layout import Layout
from pipelines.own_miner import refuse_own_miner
from pipelines.scoring import EmbeddedPhotos, embed_split, score_photos, score_templates
from serving.engine import Engine
from serving.release import Release

CALIBRATION: Final = "standard_calibration"
SAME_CELL: Final = "same_cell"
_FILES: Final = {"standard": "standard_test", "official": "official"}
_CELLED: Final = ("domain",)
"""Protocols whose impostors of one cell are judged apart as well; `hard` has no others."""


@dataclass(frozen=True, slots=True)
class TestProtocol:
    """One protocol of the test split, read and checked."""

    __test__ = False  # the name is no test's

    name: str
    """As the report calls it: without its split."""
    entry: ProtocolEntry
    protocol: PairProtocol
    templates: pd.DataFrame | None = None
    not_judged: str | None = None
    """Why this model may not be judged by it, or None."""
    image_ids: frozenset[str] = field(default=frozenset())
    """Photos that it takes."""

    def scored(self, photos: EmbeddedPhotos) -> ScoredSplit:
        """Score its pairs on the photos, or templates, that it names."""
        part = photos.only(self.image_ids)
        if self.templates is not None:
            return score_templates(part, self.protocol, self.templates)
        return score_photos(part, self.protocol)

    def report(
        self,
        photos: EmbeddedPhotos,
        points: Mapping[str, OperatingPoint],
        config: EvaluationConfig,
    ) -> ProtocolReport:
        """Judge it, or say why not."""
        identity = _identity(self.entry)
        if self.not_judged is not None:
            return ProtocolReport(identity=identity, not_judged=self.not_judged)
        split = self.scored(photos)
        bins = self.protocol.bins
        if self.name in _CELLED:
            bins = with_same_cell(split, bins)
        return judge_protocol(ScoredProtocol(identity, split, bins), points, config)


def calibration_scores(table: pd.DataFrame, engine: Engine, layout: Layout) -> ScoredSplit:
    """Score the pairs that thresholds are chosen on."""
    photos = embed_split(table, "calibration", None, engine, layout)
    return score_photos(photos, read_protocol(layout.protocols, CALIBRATION))


def calibration_digest(folder: Path) -> str:
    """Digest of the pairs that thresholds are chosen on; raises `StageError` without any."""
    index = read_index(folder)
    if CALIBRATION not in index:
        raise StageError(f"{folder} has no protocol {CALIBRATION!r}; `dvc repro curate`")
    return index[CALIBRATION].digest


def headline_scores(headline: TestProtocol, photos: EmbeddedPhotos) -> ScoredSplit:
    """Score the pairs that the headline figures rest on."""
    if headline.name == "standard":  # rejected photos of lone people count as failures too
        return score_photos(photos, headline.protocol)
    return headline.scored(photos)


def read_headline(folder: Path, config: EvaluationConfig) -> TestProtocol:
    """Read the protocol that the headline figures rest on; raises `StageError`, `ProtocolError`."""
    return _read(folder, config.protocol, read_index(folder))


def read_further(
    folder: Path, config: EvaluationConfig, release: Release
) -> Sequence[TestProtocol]:
    """Read the other protocols, digests checked; one that this very model mined is only named."""
    index = read_index(folder)
    return [_allowed(_read(folder, name, index), release) for name in config.further_protocols]


def with_same_cell(split: ScoredSplit, bins: Bins | None) -> Bins:
    """Put the impostor pairs of one cell that are in no bin yet into the bin `same_cell`.

    A cell is one gender, one ethnicity or skin tone, and one age, as in the protocol `hard`; who is
    not known well enough is in none. Strangers at random say too little (NIST IR 8280).
    """
    cells = cells_of(split.table, HardConfig())
    left, right = split.pairs.left, split.pairs.right
    same = (cells.codes[left] == cells.codes[right]) & (cells.codes[left] >= 0)
    same &= cells.alike(left, right) & ~split.pairs.genuine
    found: Bins = np.full(len(split.pairs), None, dtype=object) if bins is None else bins.copy()
    found[same & pd.isna(found)] = SAME_CELL
    return found


def _read(folder: Path, name: str, index: Mapping[str, ProtocolEntry]) -> TestProtocol:
    file = _FILES.get(name, f"{name}_test")
    if file not in index:
        raise StageError(
            f"there is no protocol {file!r} to judge by; there are {', '.join(sorted(index))};"
            " correct evaluate.protocol or evaluate.further_protocols"
        )
    entry, protocol = index[file], read_protocol(folder, file)
    if entry.unit == "template":
        templates = read_templates(folder, file)
        return TestProtocol(
            name, entry, protocol, templates, image_ids=frozenset(templates["image_id"])
        )
    return TestProtocol(name, entry, protocol, image_ids=frozenset(protocol.ids))


def _allowed(found: TestProtocol, release: Release) -> TestProtocol:
    try:
        refuse_own_miner(found.name, found.entry, release)
    except StageError as error:
        return TestProtocol(found.name, found.entry, found.protocol, not_judged=str(error))
    return found


def _identity(entry: ProtocolEntry) -> ProtocolIdentity:
    return ProtocolIdentity(
        digest=entry.digest,
        unit=entry.unit,
        definition=entry.definition,
        labels={name: dict(counts) for name, counts in entry.labels.items()},
        mined_with=tuple(miner.name for miner in entry.mined_with),
        notes=entry.notes,
    )
