"""A network out of a file becomes a candidate bundle that embeds as the network does."""

from pathlib import Path

import numpy as np
import pytest
import torch

from data.alignment import align
from data.files import sha256_file
from pipelines.cli import app
from pipelines.errors import ModelError
from pipelines.params import load_params
from pipelines.wrapping import wrap_checkpoint
from serving.bundle import open_bundle
from serving.engine import EngineConfig, load_engine
from training.errors import CheckpointError
from training.network.embedding import embed_crops
from training.network.iresnet import IResNet, IResNetConfig

ROOT = Path(__file__).resolve().parents[2]
PARAMS = load_params(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def model() -> IResNet:
    """A narrow iResNet-18 that has seen some noise. Shared: do not change it."""
    torch.manual_seed(0)
    model = IResNet(IResNetConfig(depths=(2, 2, 2, 2), widths=(4, 4, 8, 8), embedding_dim=32))
    with torch.no_grad():
        for _ in range(5):
            model(torch.rand(8, 3, 112, 112) * 2 - 1)
    return model.eval()


@pytest.fixture
def checkpoint(model: IResNet, tmp_path: Path) -> Path:
    path = tmp_path / "backbone.pth"
    torch.save(model.state_dict(), path)
    return path


def test_bundle_of_a_checkpoint_embeds_as_its_network_does(
    model: IResNet, checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    release = wrap_checkpoint(tmp_path, checkpoint, "r18_narrow", "MIT", folder, PARAMS)
    assert release.name == f"{PARAMS.export.name}-r18-narrow"
    assert release.licence == "MIT"
    assert release.architecture == "iResNet depths 2-2-2-2 widths 4-4-8-8"
    assert release.source == f"file backbone.pth, sha256 {sha256_file(checkpoint)}"
    assert release.why_not_released() == "no gate has judged it"
    engine = load_engine(open_bundle(folder, require_released=False), EngineConfig())
    # Smooth, so that sampling between its pixels says the same everywhere.
    small = np.random.default_rng(1).integers(0, 256, (10, 9, 3), np.uint8)
    image = small.repeat(20, 0).repeat(20, 1)
    landmarks = np.array([[60, 80], [110, 82], [86, 110], [66, 140], [104, 141]], np.float32)
    found = engine.embed(image[None], landmarks[None])[0]
    expected = embed_crops(model, align(image, landmarks)[None])[0]
    assert float(found @ expected) > 0.9999


@pytest.mark.parametrize(
    ("name", "licence", "message"),
    [("r18", "  ", "under which licence"), ("a/b", "MIT", "'a/b'"), ("", "MIT", "name ''")],
)
def test_name_and_licence_are_asked_for(
    checkpoint: Path, tmp_path: Path, name: str, licence: str, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        wrap_checkpoint(tmp_path, checkpoint, name, licence, tmp_path / "bundle", PARAMS)
    assert not (tmp_path / "bundle").exists()


def test_wrong_file_ends_in_one_line_and_leaves_nothing(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    monkeypatch.chdir(ROOT)
    arguments = ["models", "wrap-checkpoint", str(checkpoint), "--name", "r18"]
    with pytest.raises(CheckpointError, match="is damaged") as caught:
        app([*arguments, "--licence", "MIT", "--output", str(tmp_path / "bundle")])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "bundle").exists()


def test_licence_is_no_option_to_leave_out(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        app(
            [
                "models",
                "wrap-checkpoint",
                str(checkpoint),
                "--name",
                "r18",
                "--output",
                str(tmp_path),
            ]
        )
    assert caught.value.code == 2
    assert "--licence" in capsys.readouterr().err
