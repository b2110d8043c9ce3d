"""The answer to "are these two photos of one person?", without how it was found or is sent."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from data.errors import ImageError
from data.face import DetectedFace
from data.quality import Quality
from data.quality_policy import Advice
from serving.errors import ServingError

ImageName = Literal["image1", "image2"]
Stage = Literal["decode", "detect", "embed"]


class PhotoError(ServingError):
    """One of the two photos cannot be compared; `reason` says why."""

    def __init__(self, image: ImageName, reason: ImageError) -> None:
        super().__init__(f"{image}: {reason}")
        self.image = image
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model answers."""

    name: str
    version: str | None
    """The registry's, or None for a bundle that was opened from a folder."""
    bundle_digest: str
    contract_id: str


@dataclass(frozen=True, slots=True)
class PhotoReport:
    """What was seen in one photo."""

    width_px: int
    height_px: int
    """Of the picture in the file, after its EXIF orientation."""
    face: DetectedFace
    """In pixels of the picture in the file, which may have been decoded smaller."""
    quality: Quality
    advice: tuple[Advice, ...] = ()
    """What would make the photo better; the worst first."""


class Stopwatch:
    """Adds up the time that one photo takes, by stage."""

    def __init__(self) -> None:
        self.spent_ms: dict[Stage, float] = {"decode": 0.0, "detect": 0.0, "embed": 0.0}

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Count the time of a `with` block towards a stage."""
        started_s = time.perf_counter()
        yield
        self.spent_ms[name] += 1e3 * (time.perf_counter() - started_s)


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of one comparison went, in milliseconds.

    Each stage is the sum over both photos. They are worked on side by side, so the stages together
    may be more than the total.
    """

    decode_ms: float
    detect_ms: float
    """Choosing the face and measuring its quality included."""
    embed_ms: float
    """Alignment included: it is part of the graph."""
    total_ms: float

    @classmethod
    def of(cls, watches: Sequence[Stopwatch], total_ms: float) -> "Timings":
        """Sum up the stages of the photos."""
        return cls(
            decode_ms=sum(watch.spent_ms["decode"] for watch in watches),
            detect_ms=sum(watch.spent_ms["detect"] for watch in watches),
            embed_ms=sum(watch.spent_ms["embed"] for watch in watches),
            total_ms=total_ms,
        )

    def stages(self) -> Iterator[tuple[str, float]]:
        """Name and milliseconds of each stage."""
        yield "decode", self.decode_ms
        yield "detect", self.detect_ms
        yield "embed", self.embed_ms
        yield "total", self.total_ms


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answer for two photos."""

    is_same_person: bool
    similarity: float
    """Cosine of the two embeddings, -1 to 1."""
    threshold: float
    operating_point: str
    photos: tuple[PhotoReport, PhotoReport]
    timings: Timings
