"""Hard impostors: of one cell, of one family, look-alikes first."""

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from data.face import l2_normalise
from data.protocols.cells import cells_of
from data.protocols.config import HardConfig, MiningConfig, PairCaps
from data.protocols.drawn import stored
from data.protocols.hard import FAMILY_BIN, hard
from data.protocols.index import Miner
from data.protocols.photos import SplitPhotos, split_photos
from data.protocols.protocol import NOT_MINED

TableOf = Callable[..., pd.DataFrame]
MINERS = [Miner(name=name, weights_sha256=name * 64) for name in "ab"]
WIDE = HardConfig(caps=PairCaps(per_unit=10_000, per_subject=10_000))


def impostors(
    photos: SplitPhotos,
    config: HardConfig,
    mining: MiningConfig | None = None,
    embeddings: Mapping[Miner, NDArray[np.float32]] | None = None,
) -> pd.DataFrame:
    """One row for each impostor pair: columns of both photos, bin and rank."""
    found = hard(photos, config, mining or MiningConfig(), embeddings or {}, 0).protocol
    pairs = found.on(photos.ids)
    left = photos.table.iloc[pairs.left].reset_index(drop=True).add_suffix("_l")
    right = photos.table.iloc[pairs.right].reset_index(drop=True).add_suffix("_r")
    table = left.join(right).assign(bin=found.bins, rank=found.ranks)
    return table[~pairs.genuine]


def test_cell_is_gender_origin_and_age(table_of: TableOf) -> None:
    photos = split_photos(table_of(40, 3), "test", 0)
    table = impostors(photos, WIDE)
    strangers = table[table["bin"] != FAMILY_BIN]
    for label in ("gender", "skin_tone", "age_band"):
        assert (strangers[f"{label}_l"] == strangers[f"{label}_r"]).all()
    names = (
        "gender_"
        + strangers["gender_l"]
        + "/skin_tone_"
        + strangers["skin_tone_l"]
        + "/age_band_"
        + strangers["age_band_l"]
    )
    assert (strangers["bin"] == names).all()
    assert (table["subject_id_l"] != table["subject_id_r"]).all()
    assert (table["rank"] == NOT_MINED).all()
    sizes = photos.table.groupby(["gender", "skin_tone", "age_band"]).size()
    # Every pair of a cell, less those of one person and of siblings, which come as a family.
    within = (sizes * (sizes - 1) // 2).sum() - 40 * 3
    family = table["family_id_l"] == table["family_id_r"]
    alike = family & (table["gender_l"] == table["gender_r"])
    alike &= table["skin_tone_l"] == table["skin_tone_r"]
    alike &= table["age_band_l"] == table["age_band_r"]
    assert len(strangers) == within - alike.sum()
    assert (table.loc[family, "bin"] == FAMILY_BIN).all()


def test_ethnicity_comes_before_skin_tone_and_years_before_bands(table_of: TableOf) -> None:
    table = table_of(6, 1)
    table["gender"] = "feminine"
    table["ethnicity"] = ["x", "x", "y", None, None, "x"]
    table["skin_tone"] = ["monk_01", "monk_09", "monk_01", "monk_01", "monk_01", None]
    table["age_band"] = "18_21"
    table["age_years"] = [20.0, 25.0, 20.0, np.nan, np.nan, 30.1]
    cells = cells_of(table, HardConfig())
    assert [cells.names[code] for code in cells.codes] == [
        "gender_feminine/ethnicity_x/age_in_years",
        "gender_feminine/ethnicity_x/age_in_years",
        "gender_feminine/ethnicity_y/age_in_years",
        "gender_feminine/skin_tone_monk_01/age_band_18_21",
        "gender_feminine/skin_tone_monk_01/age_band_18_21",
        "gender_feminine/ethnicity_x/age_in_years",
    ]
    table["family_id"] = None
    met = impostors(split_photos(table, "test", 0), WIDE)
    pairs = set(zip(met["subject_id_l"], met["subject_id_r"], strict=True))
    # 20 and 25 are within five years, 25 and 30.1 are not.
    assert pairs == {("s0000", "s0001"), ("s0003", "s0004")}


@pytest.mark.parametrize("unknown", ["exclude", "own_cell"])
def test_unknown_label(table_of: TableOf, unknown: str) -> None:
    table = table_of(20, 2)
    table.loc[table["subject_id"] < "s0008", "skin_tone"] = None
    table["family_id"] = None
    photos = split_photos(table, "test", 0)
    config = HardConfig(unknown=unknown, caps=WIDE.caps)
    met = impostors(photos, config)
    blank = met[met["skin_tone_l"].isna() | met["skin_tone_r"].isna()]
    if unknown == "exclude":
        assert blank.empty
    else:
        assert len(blank) > 0
        assert blank["skin_tone_l"].isna().all()
        assert blank["skin_tone_r"].isna().all()
        assert blank["bin"].str.contains("origin_unknown").all()
    entry = stored(hard(photos, config, MiningConfig(), {}, 0), photos).entry
    outside = 16 if unknown == "exclude" else 0
    assert f"{outside} of 40 photos are in none" in entry.notes[0]


def test_caps_and_cells(table_of: TableOf) -> None:
    photos = split_photos(table_of(60, 4), "test", 0)
    config = HardConfig(caps=PairCaps(per_unit=2, per_subject=5), max_pairs_per_cell=4)
    met = impostors(photos, config)
    photo = Counter([*met["image_id_l"], *met["image_id_r"]])
    person = Counter([*met["subject_id_l"], *met["subject_id_r"]])
    assert max(photo.values()) == 2
    assert max(person.values()) <= 5
    assert max(met["bin"].value_counts()) == 4


def test_look_alikes_are_those_of_both_models(table_of: TableOf) -> None:
    table = table_of(60, 2)
    table["family_id"] = None
    photos = split_photos(table, "test", 0)
    rng = np.random.default_rng(5)
    truth = rng.normal(size=(60, 8))[np.repeat(np.arange(60), 2)]
    models = {
        miner: l2_normalise((truth + 0.1 * rng.normal(size=truth.shape)).astype(np.float32))
        for miner in MINERS
    }
    mining = MiningConfig(models=("a", "b"), top_k=3)
    met = impostors(photos, WIDE, mining, models)
    drawn = impostors(photos, WIDE)
    assert set(met["rank"]) == {1, 2, 3}
    assert (met["bin"].isin(set(drawn["bin"]))).all()

    def mean_cosine(pairs: pd.DataFrame) -> float:
        row = pd.Series(np.arange(len(photos)), index=photos.ids)
        unit = truth / np.linalg.norm(truth, axis=1, keepdims=True)
        left, right = unit[row[pairs["image_id_l"]]], unit[row[pairs["image_id_r"]]]
        return float(np.einsum("ij,ij->i", left, right).mean())

    assert mean_cosine(met) > mean_cosine(drawn) + 0.2
    assert mean_cosine(met[met["rank"] == 1]) > mean_cosine(met[met["rank"] == 3])
    entry = stored(hard(photos, WIDE, mining, models, 0), photos).entry
    assert [miner.name for miner in entry.mined_with] == ["a", "b"]


def test_nearest_come_first_into_the_caps(table_of: TableOf) -> None:
    table = table_of(30, 1)
    table[["gender", "skin_tone", "age_band", "family_id"]] = ["feminine", "monk_05", "18_21", None]
    photos = split_photos(table, "test", 0)
    vectors = l2_normalise(np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32))
    models = dict.fromkeys(MINERS, vectors)
    config = HardConfig(caps=PairCaps(per_unit=1, per_subject=1))
    met = impostors(photos, config, MiningConfig(models=("a", "b"), top_k=20), models)
    assert met["rank"].min() == 1
    assert (met["rank"] == 1).sum() >= len(met) / 3


def test_without_models_it_says_that_nothing_was_mined(table_of: TableOf) -> None:
    photos = split_photos(table_of(10, 2), "test", 0)
    entry = stored(hard(photos, HardConfig(), MiningConfig(), {}, 0), photos).entry
    assert entry.mined_with == ()
    assert any("no look-alikes were mined" in note for note in entry.notes)
    assert "drawn by their labels alone" in entry.definition
