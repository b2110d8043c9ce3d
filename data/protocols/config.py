"""How protocols are drawn: sizes, caps, and what counts as hard."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from data.manifest import CaptureKind
from data.pairs import DEFAULT_MAX_IMPOSTOR_PAIRS

AtLeastOne = Annotated[int, Field(ge=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PairCaps(_Frozen):
    """How often one photo and one person may be compared, so that no one decides a figure."""

    per_unit: AtLeastOne
    """Comparisons of one photo, or of one template where templates are compared."""
    per_subject: AtLeastOne
    """Comparisons of one person."""


class StandardConfig(_Frozen):
    """Every photo of a split with every other."""

    max_impostor_pairs: AtLeastOne = DEFAULT_MAX_IMPOSTOR_PAIRS
    """More impostor pairs than this are drawn from; genuine pairs are all kept."""


class DomainConfig(_Frozen):
    """What happens at the door: the photo on the card against the camera."""

    max_age_years: Annotated[float, Field(gt=0)] = 35
    """Both people are at most this old."""
    gap_bounds_years: tuple[Annotated[float, Field(gt=0)], ...] = (1, 3, 5, 10)
    """Where the bins of the time between two photos of a person end; a last one holds the rest."""
    genuine: PairCaps = PairCaps(per_unit=20, per_subject=50)
    """Caps on genuine pairs."""
    impostor: PairCaps = PairCaps(per_unit=100, per_subject=1_000)
    """Caps on impostor pairs."""

    @field_validator("gap_bounds_years")
    @classmethod
    def _bounds_rise(cls, bounds: tuple[float, ...]) -> tuple[float, ...]:
        if list(bounds) != sorted(set(bounds)):
            raise ValueError(f"the bounds {bounds} do not rise")
        return bounds


class HardConfig(_Frozen):
    """Impostors who are alike. The caps are those of the Goldilocks rules (arXiv 2405.15965)."""

    age_window_years: Annotated[float, Field(ge=0)] = 5
    """How far apart the ages of an impostor pair may be, where both are known in years."""
    unknown: Literal["exclude", "own_cell"] = "exclude"
    """A photo whose gender, ethnicity and skin tone, or age is not known: `exclude` leaves it out,
    `own_cell` compares it with others of whom the same is not known."""
    caps: PairCaps = PairCaps(per_unit=2, per_subject=10)
    """Caps on impostor pairs; genuine pairs have the same."""
    max_pairs_per_cell: AtLeastOne | None = None
    """At most so many impostor pairs of one cell, so that cells count alike; None: no limit."""


class SiblingsConfig(_Frozen):
    """Impostors of one family."""

    caps: PairCaps = PairCaps(per_unit=20, per_subject=200)
    """Caps on impostor pairs, and on genuine pairs of the same people."""


class TemplatesConfig(_Frozen):
    """Several photos a person: what is on file against a burst at the door."""

    reference_kinds: tuple[CaptureKind, ...] = ("id_photo", "webcam")
    """Captures that make the reference; each kind is one medium, so many selfies count once."""
    probe_kinds: tuple[CaptureKind, ...] = ("gate",)
    """Captures that make probes."""
    photos_per_probe: AtLeastOne = 4
    """Photos in one probe, taken in the order of the manifest; a rest makes a smaller probe."""
    max_impostor_pairs: AtLeastOne = 1_000_000
    """More impostor pairs than this are drawn from."""


class ProtocolsConfig(_Frozen):
    """All protocols that are drawn."""

    seed: int = Field(default=0, ge=0)
    """Another seed, another draw."""
    standard: StandardConfig = StandardConfig()
    """Every photo with every other."""
    domain: DomainConfig = DomainConfig()
    """ID photo against gate photo, of the young."""
    hard: HardConfig = HardConfig()
    """Impostors who are alike."""
    siblings: SiblingsConfig = SiblingsConfig()
    """Impostors of one family."""
    templates: TemplatesConfig = TemplatesConfig()
    """Several photos a person."""


class MiningConfig(_Frozen):
    """Who chooses look-alikes among the people of a cell, and how many."""

    models: tuple[str, ...] = ()
    """Frozen embedders of the catalogue, at least two and none that is under test; empty: nobody,
    and hard impostors are drawn by attributes and families alone."""
    top_k: AtLeastOne = 20
    """Nearest neighbours of a photo that count as its look-alikes; fewer are harder."""
    depth: AtLeastOne = 200
    """Ranks beyond this are all alike; what a model puts there is no look-alike to it."""

    @field_validator("models")
    @classmethod
    def _several_or_none(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(models)) != len(models) or len(models) == 1:
            raise ValueError(
                f"{list(models)}: mining takes at least two different models, because what one"
                " alone finds alike shows its own errors; name another one, or none"
            )
        return models
