"""Which pair protocols of the test split are judged, and how each is scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pandas as pd

from data.protocols.index import ProtocolEntry
from data.protocols.protocol import PairProtocol
from data.protocols.store import read_index, read_protocol, read_templates
from evaluation.config import EvaluationConfig
from evaluation.operating_points import OperatingPoint
from evaluation.protocols import ProtocolIdentity, ProtocolReport, ScoredProtocol, judge_protocol
from evaluation.scores import ScoredSplit
from pipelines.errors import StageError
from pipelines.own_miner import refuse_own_miner
from pipelines.scoring import EmbeddedPhotos, score_photos, score_templates
from serving.release import Release

CALIBRATION: Final = "standard_calibration"
_FILES: Final = {"standard": "standard_test", "official": "official"}


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
        return judge_protocol(
            ScoredProtocol(identity, self.scored(photos), self.protocol.bins), points, config
        )


def read_headline(folder: Path, config: EvaluationConfig) -> TestProtocol:
    """Read the protocol that the headline figures rest on; raises `StageError`, `ProtocolError`."""
    return _read(folder, config.protocol, read_index(folder))


def read_further(
    folder: Path, config: EvaluationConfig, release: Release
) -> Sequence[TestProtocol]:
    """Read the other protocols, digests checked; one that this very model mined is only named."""
    index = read_index(folder)
    return [_allowed(_read(folder, name, index), release) for name in config.further_protocols]


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
