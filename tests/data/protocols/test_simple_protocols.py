"""Standard, domain and siblings: who is in, who is not, and how often."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data.pairs import cross_pairs
from data.protocols.config import DomainConfig, PairCaps, SiblingsConfig, StandardConfig
from data.protocols.domain import domain
from data.protocols.drawn import Drawn, stored
from data.protocols.photos import SplitPhotos, split_photos
from data.protocols.siblings import siblings
from data.protocols.standard import standard

TableOf = Callable[..., pd.DataFrame]


def rows(photos: SplitPhotos, drawn: Drawn) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    pairs = drawn.protocol.on(photos.ids)
    return (
        photos.table.iloc[pairs.left].reset_index(drop=True),
        photos.table.iloc[pairs.right].reset_index(drop=True),
        pairs.genuine,
    )


def test_standard_is_the_cross_comparison(table_of: TableOf) -> None:
    photos = split_photos(table_of(12, 5), "test", 7)
    found = standard(photos, StandardConfig(max_impostor_pairs=300), seed=7).protocol.pairs
    expected = cross_pairs(list(photos.table["subject_id"]), 300, 7)
    assert (found.left == expected.left).all()
    assert (found.right == expected.right).all()
    assert (found.genuine == expected.genuine).all()


def test_one_file_under_two_names_is_no_comparison(table_of: TableOf) -> None:
    table = table_of(4, 3)
    contents = list(table["image_id"])
    contents[0] = contents[1] = contents[5] = "the same bytes"
    photos = split_photos(table, "test", 0, contents)
    drawn = standard(photos, StandardConfig(), seed=0)
    assert len(drawn.protocol) == 12 * 11 // 2 - 3
    assert drawn.notes == ("3 pairs of one file under two names are left out",)
    left, right, _ = rows(photos, drawn)
    met = set(zip(left["image_id"], right["image_id"], strict=True))
    assert (table["image_id"][0], table["image_id"][1]) not in met
    assert (table["image_id"][0], table["image_id"][5]) not in met


def test_domain_compares_cards_with_gates_of_the_young(table_of: TableOf) -> None:
    table = table_of(40, 6)
    photos = split_photos(table, "test", 0)
    left, right, genuine = rows(photos, drawn := domain(photos, DomainConfig(), 0))
    kinds = left["capture_kind"] + "/" + right["capture_kind"]
    assert set(kinds) == {"id_photo/gate", "gate/id_photo"}
    assert {*left["age_band"], *right["age_band"]} == {"18_21", "26_35"}
    assert (genuine == (left["subject_id"] == right["subject_id"])).all()
    young = table[table["age_band"] != "36_plus"]
    counts = young.groupby(["subject_id", "capture_kind"]).size().unstack(fill_value=0)
    assert genuine.sum() == (counts["id_photo"] * counts["gate"]).sum()
    entry = stored(drawn, photos).entry
    assert entry.bins["gap_unknown"].num_genuine == genuine.sum()
    assert entry.bins["gap_0_1"].num_genuine == 0
    assert entry.labels["age_band"] == {"ground_truth": 240}
    assert any("every gap is unknown" in note for note in entry.notes)


def test_domain_bins_by_the_years_between_two_photos(table_of: TableOf) -> None:
    table = table_of(10, 2)
    table["capture_kind"] = ["id_photo", "gate"] * 10
    table["age_band"] = None
    table["age_years"] = [20.0, 22.5] * 5 + [20.0, 20.2] * 4 + [33.0, 36.0]
    photos = split_photos(table, "test", 0)
    entry = stored(domain(photos, DomainConfig(), 0), photos).entry
    genuine = {name: counts.num_genuine for name, counts in entry.bins.items()}
    # The last person was 33 on the card and is 36 at the gate: no longer young.
    assert genuine == {
        "gap_0_1": 4,
        "gap_1_3": 5,
        "gap_3_5": 0,
        "gap_5_10": 0,
        "gap_10_plus": 0,
        "gap_unknown": 0,
    }
    assert sum(counts.num_impostor for counts in entry.bins.values()) == 0
    assert entry.num_impostor == 10 * 9 - 9


def test_caps_hold(table_of: TableOf) -> None:
    config = DomainConfig(
        genuine=PairCaps(per_unit=2, per_subject=3), impostor=PairCaps(per_unit=4, per_subject=9)
    )
    photos = split_photos(table_of(40, 6), "test", 0)
    left, right, genuine = rows(photos, domain(photos, config, 0))
    for wanted, per_photo, per_person in ((genuine, 2, 3), (~genuine, 4, 9)):
        photo = Counter([*left["image_id"][wanted], *right["image_id"][wanted]])
        # A genuine pair is one comparison of its person.
        other = right["subject_id"][wanted & ~genuine]
        person = Counter([*left["subject_id"][wanted], *other])
        assert max(photo.values()) == per_photo
        assert max(person.values()) == per_person


def test_domain_of_unknown_captures_is_empty_and_says_so(table_of: TableOf) -> None:
    table = table_of(10, 3)
    table["capture_kind"] = None
    photos = split_photos(table, "test", 0)
    entry = stored(domain(photos, DomainConfig(), 0), photos).entry
    assert entry.num_pairs == 0
    assert "30 of 30 photos are of unknown capture kind" in entry.notes
    assert "no pair qualifies: n=0" in entry.notes


def test_siblings_are_of_one_family(table_of: TableOf) -> None:
    table = table_of(20, 3)
    table.loc[table["subject_id"] == "s0004", "family_id"] = None
    photos = split_photos(table, "test", 0)
    config = SiblingsConfig(caps=PairCaps(per_unit=100, per_subject=1000))
    left, right, genuine = rows(photos, drawn := siblings(photos, config, 0))
    assert (left["family_id"] == right["family_id"]).all()
    # Families of two: s0000 and s0001, s0010 and s0011.
    assert (~genuine).sum() == 2 * 9
    assert genuine.sum() == 4 * 3
    assert set(left["subject_id"]) <= {"s0000", "s0001", "s0010", "s0011"}
    assert drawn.notes == ("3 of 60 photos are of people of unknown family",)


@pytest.mark.parametrize("split", ["calibration", "canary"])
def test_split_without_photos_has_no_pairs(table_of: TableOf, split: str) -> None:
    photos = split_photos(table_of(4, 2), split, 0)  # type: ignore[arg-type]
    for drawn in (
        standard(photos, StandardConfig(), 0),
        domain(photos, DomainConfig(), 0),
        siblings(photos, SiblingsConfig(), 0),
    ):
        assert stored(drawn, photos).entry.num_pairs == 0
