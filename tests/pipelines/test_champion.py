"""The champion: pinned by digest, fetched from a real MLflow store, refused where it is unfit."""

import shutil
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient

from data.face import CONTRACT_ID
from data.quality_policy import QualityPolicy
from evaluation.champion.comparison import ChampionPin
from pipelines.champion import check_same_faces, fetch_champion, open_champion
from pipelines.champion_command import pin_champion, write_pin
from pipelines.errors import ChampionError, ParamsError, TrackingError
from pipelines.layout import Layout
from pipelines.params import load_params
from pipelines.registry import register
from serving.bundle import open_bundle
from serving.errors import BundleDigestError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    return Layout(tmp_path)


@pytest.mark.usefixtures("client")
def test_the_pinned_bundle_is_fetched_once_and_opened_by_its_digest(
    layout: Layout, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = register(layout.root, tiny_bundle).digest
    pin = ChampionPin(name="tiny", version="1", digest=digest)
    found = fetch_champion(pin, layout)
    assert found.digest == digest
    assert found.folder == layout.champions / digest
    # A second time no registry is needed.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////nowhere/at/all.db")
    assert fetch_champion(pin, layout).digest == digest


@pytest.mark.usefixtures("client")
def test_a_changed_or_missing_champion_is_refused(layout: Layout, tiny_bundle: Path) -> None:
    digest = register(layout.root, tiny_bundle).digest
    pin = ChampionPin(name="tiny", digest=digest)
    with pytest.raises(TrackingError, match="examgate champion pin"):
        fetch_champion(pin.model_copy(update={"digest": "0" * 64}), layout)
    folder = fetch_champion(pin, layout).folder
    (folder / "embed.onnx").write_bytes(b"another")
    with pytest.raises(BundleDigestError):
        fetch_champion(pin, layout)


@pytest.mark.usefixtures("client")
def test_a_pin_with_another_name_is_refused(layout: Layout, tiny_bundle: Path) -> None:
    digest = open_bundle(tiny_bundle).digest
    shutil.copytree(tiny_bundle, layout.champions / digest)
    with pytest.raises(ChampionError, match="'other', but its digest is that of 'tiny'"):
        fetch_champion(ChampionPin(name="other", digest=digest), layout)


def test_a_champion_of_other_faces_is_refused(tiny_bundle: Path) -> None:
    bundle, pin = open_champion(tiny_bundle)
    assert (pin.name, pin.version, pin.digest) == ("tiny", None, bundle.digest)
    align = load_params(ROOT / "params.yaml").align
    fitting = align.model_copy(
        update={
            "detector": bundle.release.detector,
            "face_policy": bundle.release.face_policy,
            "quality_policy": bundle.release.quality_policy,
        }
    )
    check_same_faces(bundle, fitting)
    other = fitting.model_copy(update={"quality_policy": QualityPolicy(min_sharpness=50.0)})
    with pytest.raises(ChampionError, match=r"another quality_policy.*champion: null"):
        check_same_faces(bundle, other)
    assert bundle.release.contract_id == CONTRACT_ID


def test_pinning_writes_the_champion_and_nothing_else(
    layout: Layout, client: MlflowClient, tiny_bundle: Path
) -> None:
    first = register(layout.root, tiny_bundle)
    before = layout.params.read_text()
    pin = pin_champion(layout, "tiny")
    assert (pin.name, pin.version, pin.digest) == ("tiny", first.version, first.digest)
    after = layout.params.read_text()
    changed = set(after.splitlines()) ^ set(before.splitlines())
    assert all(line.startswith("  champion: ") for line in changed)
    assert len(changed) == 2
    assert load_params(layout.params).evaluate.champion == pin
    assert client.get_model_version_by_alias("tiny", "champion").version is not None
    write_pin(layout.params, None)
    assert layout.params.read_text() == before


def test_a_pin_that_was_written_over_several_lines_is_replaced_whole(layout: Layout) -> None:
    content = yaml.safe_load(layout.params.read_text())
    content["evaluate"]["champion"] = {"name": "old", "version": "1", "digest": "1" * 64}
    layout.params.write_text(yaml.safe_dump(content, sort_keys=False))
    pin = ChampionPin(name="new", version="2", digest="2" * 64)
    write_pin(layout.params, pin)
    assert load_params(layout.params).evaluate.champion == pin


def test_a_file_without_the_line_is_left_as_it_is(layout: Layout) -> None:
    text = layout.params.read_text().replace("  champion: null\n", "")
    layout.params.write_text(text)
    with pytest.raises(ParamsError, match="champion: null"):
        write_pin(layout.params, ChampionPin(name="new", digest="2" * 64))
    assert layout.params.read_text() == text


@pytest.mark.usefixtures("client")
def test_without_a_champion_nothing_is_pinned(layout: Layout) -> None:
    before = layout.params.read_text()
    with pytest.raises(TrackingError, match="examgate register"):
        pin_champion(layout, None)
    assert layout.params.read_text() == before
