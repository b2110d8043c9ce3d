"""Measurements with the digests of what they rest on, so that every number can be traced."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from evaluation.groups.slices import CROSSED
from evaluation.measurement import Measurement

_SLICE = "slice/"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Everything that was measured of a model."""

    measurements: Mapping[str, Measurement]
    """By key, see `evaluation.report`."""
    sources: Mapping[str, Mapping[str, str]]
    """SHA-256 by what it is of (bundle, report, protocol, calibration), for each beginning of a
    key; the longest one that fits says what a measurement rests on, and "" fits all."""

    def sources_of(self, key: str) -> dict[str, str]:
        """Digests of what a measurement rests on."""
        fitting = [beginning for beginning in self.sources if key.startswith(beginning)]
        return dict(self.sources[max(fitting, key=len)]) if fitting else {}

    def slices(self, pattern: str) -> list[str]:
        """Slices of which anything was measured and whose name fits, sorted."""
        names = {key.split("/")[1] for key in self.measurements if key.startswith(_SLICE)}
        return sorted(name for name in names if name_fits(name, pattern))

    def keys(self, pattern: str) -> list[str]:
        """Keys that fit a pattern, sorted; `*` stands for any part of one step between slashes."""
        steps = pattern.split("/")
        return sorted(key for key in self.measurements if _all_fit(key.split("/"), steps))


def name_fits(name: str, pattern: str) -> bool:
    """Whether a slice's name fits; `*` never reaches from one part of a crossing to the next."""
    return _all_fit(name.split(CROSSED), pattern.split(CROSSED))


def _all_fit(parts: list[str], patterns: list[str]) -> bool:
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
