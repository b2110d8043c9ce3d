"""Pretrained models: only the pinned bytes, with their licence, as a candidate to be judged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.errors import WeightsError
from pipelines.catalogue import CATALOGUE
from pipelines.environment import weights_dir
from pipelines.errors import ModelError
from pipelines.models import fetch, fetched_folder, find, listing
from pipelines.params import load_params
from pipelines.wrapping import wrap
from serving.bundle import open_bundle
from serving.engine import EngineConfig, load_engine
from serving.errors import BundleNotReleasedError

ROOT = Path(__file__).resolve().parents[2]
NAME = "mobilefacenet_foamliu"


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXAMGATE_WEIGHTS_DIR", str(tmp_path / "absent"))
    return tmp_path


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    try:
        folder = weights_dir(ROOT)
    except WeightsError as error:
        pytest.skip(str(error))
    return lambda: monkeypatch.setenv("EXAMGATE_WEIGHTS_DIR", str(folder))


def test_every_model_has_a_digest_and_a_licence() -> None:
    for name, model in CATALOGUE.items():
        assert len(bytes.fromhex(model.sha256)) == 32, name
        assert model.licence, name


def test_listing_says_what_is_missing(no_weights: Path) -> None:
    rows = listing(no_weights)
    assert [(row.name, row.kind) for row in rows] == [
        (name, model.kind) for name, model in CATALOGUE.items()
    ]
    assert not any(row.at_hand for row in rows)


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(ModelError, match=NAME):
        find("facenet")


def test_model_without_address_says_where_to_put_it(no_weights: Path) -> None:
    with pytest.raises(ModelError, match="EXAMGATE_WEIGHTS_DIR"):
        fetch(no_weights, NAME)


def test_other_bytes_under_the_name_are_refused(no_weights: Path) -> None:
    place = fetched_folder(no_weights) / CATALOGUE[NAME].file
    place.parent.mkdir(parents=True)
    place.write_bytes(b"not the pinned model")
    with pytest.raises(ModelError, match="pinned"):
        wrap(no_weights, NAME, no_weights / "bundle", load_params(ROOT / "params.yaml"))
    assert not (no_weights / "bundle").exists()


@pytest.mark.real_faces
def test_wrapped_model_is_a_candidate_that_embeds(
    weights: Callable[[], None], tmp_path: Path
) -> None:
    weights()
    release = wrap(tmp_path, NAME, tmp_path / "bundle", load_params(ROOT / "params.yaml"))
    assert release.licence == "Apache-2.0"
    with pytest.raises(BundleNotReleasedError):
        open_bundle(tmp_path / "bundle")
    engine = load_engine(open_bundle(tmp_path / "bundle", require_released=False), EngineConfig())
    image = np.random.default_rng(1).integers(0, 256, (1, 200, 180, 3), np.uint8)
    landmarks = np.array([[[60, 80], [110, 82], [86, 110], [66, 140], [104, 141]]], np.float32)
    assert np.linalg.norm(engine.embed(image, landmarks)) == pytest.approx(1, abs=1e-4)
