"""Protocols on disk to figures, without a model: embeddings are drawn."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from data.errors import ProtocolError
from data.manifest import with_source_columns
from data.pairs import Pairs
from data.protocols.build import draw_protocols
from data.protocols.config import MiningConfig, ProtocolsConfig
from data.protocols.index import Miner
from data.protocols.store import INDEX_FILE, read_index, write_protocols
from evaluation.config import EvaluationConfig
from evaluation.operating_points import OperatingPoint
from evaluation.scores import ScoredSplit
from pipelines.errors import StageError
from pipelines.judging import SAME_CELL, read_further, read_headline, with_same_cell
from pipelines.scoring import EmbeddedPhotos, score_photos
from serving.bundle import open_bundle

MINERS = [
    Miner(name=name, weights_sha256=digit * 64) for name, digit in (("one", "1"), ("two", "2"))
]
CONFIG = EvaluationConfig(further_protocols=("domain", "hard", "siblings", "templates"))
POINTS = {
    "fmr_1e-3": OperatingPoint(
        target_fmr=1e-3, threshold=0.5, num_impostor_pairs=5000, realised_fmr=1e-3
    )
}
PHOTOS_EACH = 6


@pytest.fixture(scope="module")
def photos() -> EmbeddedPhotos:
    """Twelve people of six families, each with an ID photo, a webcam photo and four at the gate."""
    num = 12 * PHOTOS_EACH
    people = np.repeat(np.arange(12), PHOTOS_EACH)
    table = pd.DataFrame(
        {
            "image_id": [f"p{k:03d}" for k in range(num)],
            "subject_id": [f"s{p:02d}" for p in people],
            "path": [f"p{k:03d}.jpg" for k in range(num)],
            "capture_kind": ["id_photo", "webcam", "gate", "gate", "gate", "gate"] * 12,
            "family_id": [f"f{p // 2}" for p in people],
            "gender": "feminine",
            "skin_tone": "monk_05",
            "age_band": "18_21",
        }
    )
    for name in ("family_id", "gender", "skin_tone", "age_band"):
        table[f"{name}_provenance"] = "ground_truth"
    table = with_source_columns(table).assign(split="test", reject_reason=None)
    table.loc[3, "reject_reason"] = "no_face"
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(12, 32))[people] + rng.normal(size=(num, 32))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    usable = np.arange(num) != 3
    return EmbeddedPhotos(table, (vectors * usable[:, None]).astype(np.float32), usable)


@pytest.fixture(scope="module")
def folder(photos: EmbeddedPhotos, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(1)
    mined = {
        miner: photos.embeddings
        + np.float32(0.02) * rng.normal(size=photos.embeddings.shape).astype(np.float32)
        for miner in MINERS
    }
    table = photos.table.assign(crop_index=np.arange(len(photos.table)))
    config = MiningConfig(models=("one", "two"), top_k=5)
    drawn = draw_protocols(table, ProtocolsConfig(), config, mined)
    found = tmp_path_factory.mktemp("protocols")
    write_protocols(drawn, found)
    return found


def test_standard_is_every_photo_with_every_other(folder: Path, photos: EmbeddedPhotos) -> None:
    headline = read_headline(folder, CONFIG)
    split = score_photos(photos, headline.protocol)
    num = len(photos.table)
    assert len(split.pairs) == num * (num - 1) // 2
    assert np.isneginf(split.scores).sum() == num - 1
    assert headline.entry.digest == read_index(folder)["standard_test"].digest


def test_further_protocols_are_judged_with_their_identity(
    folder: Path, photos: EmbeddedPhotos, tiny_bundle: Path
) -> None:
    release = open_bundle(tiny_bundle).release
    found = {
        protocol.name: protocol.report(photos, POINTS, CONFIG)
        for protocol in read_further(folder, CONFIG, release)
    }
    assert list(found) == list(CONFIG.further_protocols)
    index = read_index(folder)
    for name, report in found.items():
        entry = index[f"{name}_test"]
        assert report.identity.digest == entry.digest
        assert report.overall is not None
        assert report.overall.num_impostor_pairs == entry.num_impostor > 0
        assert report.overall.num_genuine_pairs == entry.num_genuine
    assert found["hard"].identity.mined_with == ("one", "two")
    assert found["templates"].identity.unit == "template"
    assert found["siblings"].identity.labels == {"family_id": {"ground_truth": 72}}


def test_a_template_is_the_normalised_sum_of_its_media(
    folder: Path, photos: EmbeddedPhotos, tiny_bundle: Path
) -> None:
    (templates,) = read_further(
        folder,
        CONFIG.model_copy(update={"further_protocols": ("templates",)}),
        open_bundle(tiny_bundle).release,
    )
    assert templates.templates is not None
    split = templates.scored(photos)
    table, rows = templates.templates, list(photos.table["image_id"])

    def pooled(template: str) -> NDArray[np.float64]:
        media = table[table["template_id"] == template].groupby("media_id", sort=False)["image_id"]
        means = []
        for _, names in media:
            kept = [rows.index(name) for name in names if photos.usable[rows.index(name)]]
            if kept:
                means.append(photos.embeddings[kept].astype(float).mean(0))
        total = np.sum(means, axis=0)
        return np.asarray(total / np.linalg.norm(total))

    for pair in (0, len(split.pairs) // 2, len(split.pairs) - 1):
        left = split.table["template_id"].iloc[split.pairs.left[pair]]
        right = split.table["template_id"].iloc[split.pairs.right[pair]]
        assert split.scores[pair] == pytest.approx(pooled(left) @ pooled(right), abs=1e-5)


def test_a_model_is_not_judged_by_look_alikes_that_it_chose_itself(
    folder: Path, photos: EmbeddedPhotos, tiny_bundle: Path
) -> None:
    release = open_bundle(tiny_bundle).release
    miner = release.model_copy(update={"source": f"weights {'2' * 64}"})
    found = {p.name: p.report(photos, POINTS, CONFIG) for p in read_further(folder, CONFIG, miner)}
    assert found["hard"].overall is None
    assert "mined with two" in (found["hard"].not_judged or "")
    assert found["siblings"].not_judged is None


def test_a_changed_protocol_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "standard_test.parquet").write_bytes(
        (folder / "siblings_test.parquet").read_bytes()
    )
    with pytest.raises(ProtocolError, match=r"standard_test\.parquet"):
        read_headline(tmp_path, CONFIG)
    (tmp_path / INDEX_FILE).write_text("{")
    with pytest.raises(ProtocolError, match="index"):
        read_headline(tmp_path, CONFIG)


def test_a_protocol_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(StageError, match=r"no protocol 'official'.*standard_test"):
        read_headline(folder, CONFIG.model_copy(update={"protocol": "official"}))


def test_strangers_of_one_cell_are_a_bin_of_their_own() -> None:
    """Same gender, same skin tone, ages within five years; who is in a bin already stays there."""
    table = pd.DataFrame(
        {
            "subject_id": ["a", "b", "c", "d", "e"],
            "gender": ["feminine", "feminine", "masculine", "feminine", None],
            "ethnicity": None,
            "skin_tone": "monk_05",
            "age_band": None,
            "age_years": [20.0, 24.0, 20.0, 33.0, 20.0],
        }
    )
    pairs = Pairs(np.zeros(5, np.int64), np.array([0, 1, 2, 3, 4]), np.array([True] + [False] * 4))
    split = ScoredSplit(table, np.ones(5, dtype=bool), pairs, np.zeros(5))
    assert with_same_cell(split, None).tolist() == [None, SAME_CELL, None, None, None]
    bins = np.array(["gap_0_1", "gap_0_1", None, None, None], dtype=object)
    assert with_same_cell(split, bins).tolist() == ["gap_0_1", "gap_0_1", None, None, None]
