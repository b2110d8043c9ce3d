"""`index.json`: what each protocol is, how many comparisons it holds, and what it relied on."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from data.manifest import Split

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Unit = Literal["image", "template"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Miner(_Frozen):
    """A frozen embedder that chose look-alikes. It must never be judged by what it chose."""

    name: str
    weights_sha256: Sha256


class BinCounts(_Frozen):
    """Comparisons in one part of a protocol."""

    num_genuine: Count
    num_impostor: Count


class ProtocolEntry(_Frozen):
    """One protocol of the index."""

    digest: Sha256
    """`PairProtocol.digest` of the comparisons."""
    templates_digest: Sha256 | None = None
    """Of the photos of each template, where the unit is a template."""
    unit: Unit
    """What a side of a comparison names."""
    split: Split
    """Whose people are compared."""
    definition: str
    """What is compared, in one sentence."""
    num_pairs: Count
    num_genuine: Count
    num_impostor: Count
    num_units: Count
    """Photos or templates that are compared."""
    num_subjects: Count
    max_pairs_per_unit: Count
    """Comparisons of the most used photo or template."""
    max_pairs_per_subject: Count
    """Comparisons of the most used person."""
    bins: dict[str, BinCounts] = {}
    """Every part by name, also one that nobody is in."""
    labels: dict[str, dict[str, Count]] = {}
    """Photos of the split by label that the definition relies on and where the label came from;
    `unknown` where there is none."""
    mined_with: tuple[Miner, ...] = ()
    seed: int | None = None
    """Of the draw; None where nothing was drawn."""
    notes: tuple[str, ...] = ()
    """What a reader must know, such as why nobody qualifies."""
