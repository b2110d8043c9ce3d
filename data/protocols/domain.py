"""The domain protocol: young people, the photo on their ID card against the camera at the gate."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.pairs import Rows
from data.protocols.ages import gap_bin, gap_bins, oldest
from data.protocols.config import DomainConfig
from data.protocols.drawn import Drawn
from data.protocols.keys import meetings
from data.protocols.photos import SplitPhotos
from data.protocols.protocol import PairProtocol, join

_OVERSAMPLING: Final = 2  # partners drawn for each wanted one, because caps refuse some


def domain(photos: SplitPhotos, config: DomainConfig, seed: int) -> Drawn:
    """ID photo against gate photo of people of at most `max_age_years`.

    A genuine pair is in the bin of the time between its two photos, where both ages are known in
    years; an impostor pair is in none. Who is too old, or of unknown age, is left out.
    """
    young = oldest(photos.table) <= config.max_age_years
    kinds = photos.table["capture_kind"].to_numpy()
    cards, gates = np.flatnonzero(young & (kinds == "id_photo")), young & (kinds == "gate")
    return Drawn(
        join([_genuine(photos, config), _impostor(photos, cards, np.flatnonzero(gates), config)]),
        definition=(
            f"ID photo against gate photo, both people at most {config.max_age_years:g} years old"
        ),
        bins=gap_bins(config.gap_bounds_years),
        labels=("age_years", "age_band"),
        seed=seed,
        notes=_notes(photos, young),
    )


def _genuine(photos: SplitPhotos, config: DomainConfig) -> PairProtocol:
    left, right = photos.genuine_pairs()
    young = oldest(photos.table) <= config.max_age_years
    kinds = photos.table["capture_kind"].to_numpy()
    wanted = young[left] & young[right] & _is_card_and_gate(kinds[left], kinds[right])
    drawn = photos.drawn((left[wanted], right[wanted]), config.genuine, genuine=True)
    ages = photos.table["age_years"].to_numpy(dtype=float)
    gaps = np.abs(ages[drawn.pairs.left] - ages[drawn.pairs.right])
    return PairProtocol(drawn.ids, drawn.pairs, gap_bin(gaps, config.gap_bounds_years))


def _impostor(photos: SplitPhotos, cards: Rows, gates: Rows, config: DomainConfig) -> PairProtocol:
    caps = config.impostor
    left, right = meetings(cards, gates, photos.keys, _OVERSAMPLING * caps.per_unit)
    wanted = (photos.subjects[left] != photos.subjects[right]) & photos.comparable(left, right)
    return photos.drawn((left[wanted], right[wanted]), caps, genuine=False)


def _is_card_and_gate(left: NDArray[np.object_], right: NDArray[np.object_]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = ((left == "id_photo") & (right == "gate")) | (
        (left == "gate") & (right == "id_photo")
    )
    return found


def _notes(photos: SplitPhotos, young: NDArray[np.bool_]) -> tuple[str, ...]:
    table, notes = photos.table, []
    num_unknown = int(np.isnan(oldest(table)).sum())
    if num_unknown:
        notes.append(f"{num_unknown} of {len(table)} photos are of people of unknown age")
    num_kindless = int(table["capture_kind"].isna().sum())
    if num_kindless:
        notes.append(f"{num_kindless} of {len(table)} photos are of unknown capture kind")
    if table["age_years"].isna().all():
        notes.append("no age at capture is known in years: every gap is unknown")
    return (*notes, f"{int(young.sum())} photos are of people young enough")
