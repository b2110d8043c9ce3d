"""When two photos count as the same photograph."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from data.duplicates.hamming import MAX_DISTANCE
from data.duplicates.hashing import NUM_BITS


class DuplicateConfig(BaseModel):
    """Bounds of the near-duplicate search (`python -m benchmarks.duplicates` measures them)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    search: Literal["near", "equal_bytes"] = "near"
    """`near`: photos that look alike, too, for which each is decoded. `equal_bytes`: equal files
    only, for millions of photos."""
    search_distance: int = Field(default=MAX_DISTANCE, ge=0, le=MAX_DISTANCE)
    """Candidates differ in at most so many of the 64 bits of lowest frequency."""
    max_distance: int = Field(default=20, ge=0, le=NUM_BITS)
    """A candidate is listed where at most so many of all 256 bits differ. Of 4.5 million pairs of
    different campus photos none is below 24; of re-encoded, resized, brighter copies 95 % are below
    20."""
    confirmed_distance: int = Field(default=64, ge=0, le=NUM_BITS)
    """Up to here it is listed where every embedder confirms it: a copy that was cropped."""
    min_similarity: Annotated[float, Field(gt=0, le=1)] = 0.9
    """The least cosine that confirms. Two real photos of one person are far below."""
    max_pairs: int = Field(default=1_000_000, ge=1)
    """More pairs than this are an error: nobody reviews them, and memory has an end."""
