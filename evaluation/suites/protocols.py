"""Judge a pair protocol, such as look-alikes or siblings, at the frozen operating points."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from evaluation.config import EvaluationConfig
from evaluation.errors import ScoresError
from evaluation.measurement import Measurement
from evaluation.measures.rates import ErrorRates, error_rates
from evaluation.operating_points import OperatingPoint
from evaluation.scores import Flags, ScoredSplit


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ProtocolIdentity(_Frozen):
    """Which comparisons they were, as the protocol's own index says."""

    digest: str
    """SHA-256 of the comparisons."""
    unit: str
    """`image` or `template`: what was compared."""
    definition: str
    """What is compared, in one sentence."""
    labels: dict[str, dict[str, int]] = {}
    """Photos by label that the definition relies on and where the label came from."""
    mined_with: tuple[str, ...] = ()
    """Frozen models that chose look-alikes; they themselves are never judged by what they chose."""
    notes: tuple[str, ...] = ()


class PartReport(_Frozen):
    """Comparisons of a protocol or of one of its bins."""

    num_genuine_pairs: int
    num_impostor_pairs: int
    points: dict[str, ErrorRates]


class ProtocolReport(_Frozen):
    """How a protocol went."""

    identity: ProtocolIdentity
    not_judged: str | None = None
    """Why there are no figures; None where there are."""
    num_units: int = 0
    """Photos or templates."""
    num_failures_to_extract: int = 0
    """Of them; their comparisons count as refused."""
    num_subjects: int = 0
    overall: PartReport | None = None
    bins: dict[str, PartReport] = {}
    """Named parts, such as the bins of the age gap; one that nobody is in is left out."""

    def measurements(
        self, prefix: str, min_impostor: int, min_genuine: int
    ) -> Iterator[tuple[str, Measurement]]:
        """All rates by key; what rests on too few comparisons is marked by its `min_n`."""
        for name, part in {"": self.overall, **self.bins}.items():
            where = f"{prefix}/{key_of(name)}" if name else prefix
            for point, rates in part.points.items() if part else ():
                yield from rates.measurements(f"{where}/{point}", min_impostor, min_genuine)


@dataclass(frozen=True, slots=True)
class ScoredProtocol:
    """A protocol with its scores."""

    identity: ProtocolIdentity
    split: ScoredSplit
    """Its rows are photos or templates."""
    bins: NDArray[np.object_] | None = None
    """(num_pairs,): the part that a pair is in, None for a pair in none."""

    def __post_init__(self) -> None:
        if self.bins is not None and len(self.bins) != len(self.split.pairs):
            raise ScoresError(f"{len(self.bins)} bins for {len(self.split.pairs)} pairs")


def judge_protocol(
    scored: ScoredProtocol, points: Mapping[str, OperatingPoint], config: EvaluationConfig
) -> ProtocolReport:
    """FMR and FNMR of a protocol and of its bins; without comparisons the rates are None."""
    split = scored.split
    everything = np.ones(len(split.pairs), dtype=bool)
    return ProtocolReport(
        identity=scored.identity,
        num_units=len(split.table),
        num_failures_to_extract=int(np.count_nonzero(~split.usable)),
        num_subjects=int(split.table["subject_id"].nunique()),
        overall=_part(split, everything, points, config),
        bins={name: _part(split, members, points, config) for name, members in _bins(scored)},
    )


def key_of(name: str) -> str:
    """Name of a bin with only characters that every metric store takes."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _bins(scored: ScoredProtocol) -> Iterator[tuple[str, Flags]]:
    if scored.bins is None:
        return
    for name in sorted({str(name) for name in scored.bins if name is not None}):
        yield name, np.asarray(scored.bins == name, dtype=bool)


def _part(
    split: ScoredSplit,
    members: Flags,
    points: Mapping[str, OperatingPoint],
    config: EvaluationConfig,
) -> PartReport:
    num_genuine = int(np.count_nonzero(members & split.pairs.genuine))
    return PartReport(
        num_genuine_pairs=num_genuine,
        num_impostor_pairs=int(np.count_nonzero(members)) - num_genuine,
        points=error_rates(split, members, points, config.confidence, config.bootstrap),
    )
