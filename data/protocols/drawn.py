"""What a builder hands over, and the entry of the index that describes it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.protocols.index import BinCounts, Miner, ProtocolEntry, Unit
from data.protocols.photos import SplitPhotos
from data.protocols.protocol import PairProtocol
from data.protocols.store import StoredProtocol, templates_digest


@dataclass(frozen=True, slots=True)
class Drawn:
    """A protocol and what its builder knows about it."""

    protocol: PairProtocol
    definition: str
    bins: tuple[str, ...] = ()
    """Bins that there could be; those that there are need not be named."""
    labels: tuple[str, ...] = ()
    """Label columns that the definition relies on."""
    mined_with: tuple[Miner, ...] = ()
    seed: int | None = None
    notes: tuple[str, ...] = ()
    templates: pd.DataFrame | None = None


def stored(drawn: Drawn, photos: SplitPhotos) -> StoredProtocol:
    """Count what was drawn, say so in an entry, and make it ready to be written."""
    protocol, templates = drawn.protocol.compact(), drawn.templates
    people = _people(protocol, photos, templates)
    pairs = protocol.pairs
    sides = np.concatenate([pairs.left, pairs.right])
    entry = ProtocolEntry(
        digest=protocol.digest(),
        templates_digest=None if templates is None else templates_digest(templates),
        unit=_unit(templates),
        split=photos.split,
        definition=drawn.definition,
        num_pairs=len(pairs),
        num_genuine=int(np.count_nonzero(pairs.genuine)),
        num_impostor=int(np.count_nonzero(~pairs.genuine)),
        num_units=len(protocol.ids),
        num_subjects=len(np.unique(people)),
        max_pairs_per_unit=int(np.bincount(sides).max(initial=0)),
        max_pairs_per_subject=_most_used(people, protocol),
        bins=_bin_counts(drawn, protocol),
        labels={column: _origins(photos.table, column) for column in drawn.labels},
        mined_with=drawn.mined_with,
        seed=drawn.seed,
        notes=drawn.notes if len(pairs) else (*drawn.notes, "no pair qualifies: n=0"),
    )
    return StoredProtocol(entry, protocol, templates)


def _unit(templates: pd.DataFrame | None) -> Unit:
    return "image" if templates is None else "template"


def _people(
    protocol: PairProtocol, photos: SplitPhotos, templates: pd.DataFrame | None
) -> NDArray[np.int64]:
    """A number for the person on each photo or template (num_units,)."""
    source = photos.table if templates is None else templates.drop_duplicates("template_id")
    column = "image_id" if templates is None else "template_id"
    person = dict(zip(source[column], source["subject_id"], strict=True))
    return np.asarray(pd.factorize(np.array([person[i] for i in protocol.ids], object))[0])


def _most_used(people: NDArray[np.int64], protocol: PairProtocol) -> int:
    pairs = protocol.pairs
    left, right = people[pairs.left], people[pairs.right]
    # A genuine pair is one comparison of its person, not two.
    counts = np.bincount(np.concatenate([left, right[~pairs.genuine]]))
    return int(counts.max(initial=0))


def _bin_counts(drawn: Drawn, protocol: PairProtocol) -> dict[str, BinCounts]:
    if protocol.bins is None:
        return {}
    found = pd.Series(protocol.bins).fillna("")
    named = [*drawn.bins, *sorted(set(found) - {*drawn.bins, ""})]
    genuine = found[protocol.pairs.genuine].value_counts()
    impostor = found[~protocol.pairs.genuine].value_counts()
    return {
        name: BinCounts(
            num_genuine=int(genuine.get(name, 0)), num_impostor=int(impostor.get(name, 0))
        )
        for name in named
    }


def _origins(table: pd.DataFrame, column: str) -> dict[str, int]:
    origins = table[f"{column}_provenance"].fillna("unknown").value_counts()
    return {str(origin): int(count) for origin, count in sorted(origins.items())}
