"""What is looked for before training, and who has decided about it."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from data.duplicates.config import DuplicateConfig
from data.label_noise import LabelNoiseConfig


class ReviewConfig(BaseModel):
    """The review list: what goes on it, and what reviewers answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decisions: Path | None = None
    """CSV of reviewers' decisions below the repository (`data.review_decisions`), or null."""
    embedders: tuple[str, ...] = ()
    """Frozen models of the catalogue that confirm duplicates and check labels; none by default, and
    then labels are not checked and the summary says so."""
    page_findings: int = Field(default=200, ge=0)
    """Findings with pictures on `review.html`, the strongest of each kind in turn; the list itself
    is whole."""
    duplicates: DuplicateConfig = DuplicateConfig()
    """When two photos are one photograph."""
    label_noise: LabelNoiseConfig = LabelNoiseConfig()
    """When a label is suspected."""
