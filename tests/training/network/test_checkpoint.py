import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from training.errors import CheckpointError
from training.network.checkpoint import load_checkpoint, save_checkpoint
from training.network.embedding import embed_crops
from training.network.iresnet import IResNet, IResNetConfig


@pytest.fixture
def saved(tmp_path: Path, tiny_network: IResNetConfig) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "embedder.safetensors"
    save_checkpoint(path, IResNet(tiny_network))
    return path


def _metadata(path: Path) -> dict[str, str]:
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    found: dict[str, str] = json.loads(content[8 : 8 + length])["__metadata__"]
    return found


def test_round_trip_keeps_network_and_numbers(tmp_path: Path, tiny_network: IResNetConfig) -> None:
    torch.manual_seed(1)
    model = IResNet(tiny_network)
    model(torch.rand(4, 3, 112, 112))  # moves the running means
    path = tmp_path / "embedder.safetensors"
    save_checkpoint(path, model)
    loaded = load_checkpoint(path)
    assert loaded.config == tiny_network
    assert not loaded.training
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    assert np.array_equal(embed_crops(loaded, crops), embed_crops(model, crops))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_equal_weights_make_equal_bytes(saved: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    save_checkpoint(again, load_checkpoint(saved))
    assert again.read_bytes() == saved.read_bytes()


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="run the train stage again"):
        load_checkpoint(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda _content: b"",
        lambda _content: b"\xff" * 64,
        lambda content: content.replace(b"examgate", b"somebody"),
        lambda content: content.replace(b"depths", b"deepth"),
    ],
)
def test_damaged_file_is_refused(saved: Path, damage: Callable[[bytes], bytes]) -> None:
    saved.write_bytes(damage(saved.read_bytes()))
    with pytest.raises(CheckpointError, match=r"embedder\.safetensors"):
        load_checkpoint(saved)


def test_missing_extra_and_misshapen_weights_are_refused(saved: Path) -> None:
    tensors, metadata = load_file(saved), _metadata(saved)
    changes = {
        "fc.bias": {name: value for name, value in tensors.items() if name != "fc.bias"},
        "stranger": {**tensors, "stranger": torch.zeros(1)},
        "conv1.weight": {**tensors, "conv1.weight": torch.zeros(1, 1)},
    }
    for name, content in changes.items():
        save_file(content, saved, metadata)
        with pytest.raises(CheckpointError, match=name):
            load_checkpoint(saved)


def test_other_tensors_are_no_network(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2, 4)}, other, {"examgate": '{"kind": "arcface"}'})
    with pytest.raises(CheckpointError, match="holds no iresnet of ours"):
        load_checkpoint(other)
