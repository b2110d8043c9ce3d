"""Where the labels behind a figure came from: a slice by predicted labels has to say so."""

from collections.abc import Iterable

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

_PREDICTED = "predicted:"


class LabelSource(BaseModel):
    """Labels of one origin among the photos that a figure rests on."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    provenance: str
    """`ground_truth`, `manual` or `predicted:<model>`; `unknown` where the table does not say."""
    num_photos: int = Field(ge=0)
    mean_confidence: float | None = None
    """Of the model, over the photos for which it gave one."""

    @property
    def predicted(self) -> bool:
        """Whether a model, and nobody who knows, gave the label."""
        return self.provenance.startswith(_PREDICTED)

    @property
    def text(self) -> str:
        """One line such as `predicted:gear (n=312, mean confidence 0.91)`."""
        sure = self.mean_confidence
        confidence = "unknown" if sure is None else f"{sure:.2f}"
        return f"{self.provenance} (n={self.num_photos}, mean confidence {confidence})"


def label_sources(rows: pd.DataFrame, column: str) -> tuple[LabelSource, ...]:
    """Say where the labels of an attribute came from on these manifest rows, most photos first."""
    known = rows[rows[column].notna()]
    provenance = f"{column}_provenance"
    if provenance not in known:
        return (LabelSource(provenance="unknown", num_photos=len(known)),) if len(known) else ()
    groups = known.groupby(known[provenance].fillna("unknown"), sort=True)
    found = [_source(str(name), group, f"{column}_confidence") for name, group in groups]
    return tuple(sorted(found, key=lambda source: -source.num_photos))


def predicted_text(sources: Iterable[LabelSource]) -> str:
    """The predicted ones of some sources in one line; empty where a person knew every label."""
    return "; ".join(source.text for source in sources if source.predicted)


def predicted_share(sources: Iterable[LabelSource]) -> float:
    """Share of photos whose label was predicted."""
    every = list(sources)
    total = sum(source.num_photos for source in every)
    return sum(source.num_photos for source in every if source.predicted) / max(1, total)


def _source(name: str, rows: pd.DataFrame, confidence: str) -> LabelSource:
    sure = rows[confidence].astype(float).mean() if confidence in rows else float("nan")
    return LabelSource(
        provenance=name,
        num_photos=len(rows),
        mean_confidence=None if pd.isna(sure) else round(float(sure), 4),
    )
