"""Weights from elsewhere: they fit by name and shape, whole, or are refused with what is wrong."""

import os
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from training.errors import CheckpointError
from training.network.checkpoint import save_checkpoint
from training.network.embedding import embed_crops
from training.network.iresnet import PUBLISHED_DEPTHS, IResNet, IResNetConfig
from training.network.pretrained import initialise, load_backbone

NETWORK = IResNetConfig(depths=(1, 2, 1, 3), widths=(4, 4, 8, 6), embedding_dim=16)


def _moved(config: IResNetConfig) -> IResNet:
    """A network whose norms are not as they start; its last scale is not 1 either."""
    torch.manual_seed(3)
    model = IResNet(config)
    for name, tensor in model.state_dict().items():
        if tensor.ndim == 1:
            tensor.uniform_(0.5, 1.5)
        elif name.endswith("num_batches_tracked"):
            tensor.fill_(7)
    return model.eval()


@pytest.fixture(scope="module")
def model() -> IResNet:
    """Shared: do not change it."""
    return _moved(NETWORK)


@pytest.fixture
def state(model: IResNet) -> dict[str, Tensor]:
    return dict(model.state_dict())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "backbone.pth"


def _crops(number: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, (number, 112, 112, 3), dtype=np.uint8)


def test_r18_round_trip_keeps_size_and_embeddings(path: Path) -> None:
    torch.manual_seed(0)
    model = IResNet(IResNetConfig(depths=PUBLISHED_DEPTHS["r18"]))
    torch.save(model.state_dict(), path)
    loaded = load_backbone(path)
    assert loaded.config == model.config
    assert not loaded.training
    assert np.array_equal(embed_crops(loaded, _crops(1)), embed_crops(model, _crops(1)))


@pytest.mark.parametrize("old_format", [False, True])
def test_every_tensor_arrives_and_no_random_number_is_drawn(
    state: dict[str, Tensor], path: Path, old_format: bool
) -> None:
    wrapped = OrderedDict((f"module.{name}", value) for name, value in state.items())
    torch.save(wrapped, path, _use_new_zipfile_serialization=not old_format)
    before = torch.get_rng_state()
    loaded = load_backbone(path)
    assert torch.equal(torch.get_rng_state(), before)
    assert loaded.config == NETWORK
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert not loaded.features.weight.requires_grad
    assert loaded.fc.weight.requires_grad


def test_a_checkpoint_of_ours_is_taken_too(model: IResNet, tmp_path: Path) -> None:
    path = tmp_path / "embedder.safetensors"
    save_checkpoint(path, model)
    assert np.array_equal(
        embed_crops(load_backbone(path), _crops(2)), embed_crops(model, _crops(2))
    )


def test_half_precision_weights_are_widened(state: dict[str, Tensor], path: Path) -> None:
    halves = {
        name: value.half() if value.is_floating_point() else value for name, value in state.items()
    }
    torch.save(halves, path)
    loaded = load_backbone(path)
    assert loaded.fc.weight.dtype == torch.float32
    assert torch.equal(loaded.fc.weight, state["fc.weight"].half().float())


def test_counters_of_norms_alone_may_be_absent(state: dict[str, Tensor], path: Path) -> None:
    torch.save({n: v for n, v in state.items() if not n.endswith("num_batches_tracked")}, path)
    loaded = load_backbone(path)
    assert loaded.get_buffer("bn1.num_batches_tracked") == 0
    assert torch.equal(loaded.get_buffer("bn1.running_var"), state["bn1.running_var"])


Change = Callable[[dict[str, Tensor]], object]
WRONG: dict[str, tuple[Change, str]] = {
    "missing": (
        lambda s: {n: v for n, v in s.items() if n != "layer4.1.bn2.running_mean"},
        r"misses layer4\.1\.bn2\.running_mean;",
    ),
    "missing block": (
        lambda s: {n: v for n, v in s.items() if not n.startswith("layer4.1.")},
        r"misses layer4\.1\.bn1\.bias, .* and 10 more;",
    ),
    "no iResNet": (
        lambda s: {"features.layers.0.weight": s["conv1.weight"]},
        r"misses fc\.weight, layer1\.0\.conv2\.weight",
    ),
    "left over": (lambda s: {**s, "stranger": torch.zeros(1)}, "has besides an iResNet stranger;"),
    "misshapen": (
        lambda s: {**s, "bn2.bias": torch.zeros(7)},
        r"in another shape bn2\.bias \(7,\) instead of \(6,\);",
    ),
    "scalar": (lambda s: {**s, "fc.weight": torch.zeros(())}, "shapes are those of no iResNet"),
    "one number": (
        lambda s: {**s, "fc.weight": s["fc.weight"][:1]},
        "shapes are those of no iResNet",
    ),
    "not finite": (
        lambda s: {**s, "fc.bias": torch.full((16,), float("nan"))},
        r"no finite floating-point numbers fc\.bias;",
    ),
    "integers": (
        lambda s: {**s, "fc.bias": torch.zeros(16, dtype=torch.int32)},
        r"no finite floating-point numbers fc\.bias;",
    ),
    "class centres": (lambda _: {"weight": torch.zeros(8, 16)}, "class centres of a Partial FC"),
    "bare class centres": (lambda _: torch.zeros(8, 16), "8 class centres of a Partial FC"),
    "bare list": (lambda _: [1, 2], "holds a list"),
    "empty": (lambda _: {}, r"misses fc\.weight"),
    "training state": (
        lambda s: {"epoch": 3, "state_dict_backbone": s},
        r"more than tensors \(epoch, state_dict_backbone\)",
    ),
    "IR": (
        lambda s: {"input_layer.0.weight": s["conv1.weight"], "output_layer.3.bias": s["fc.bias"]},
        "face.evoLVe kind.*arcface_torch",
    ),
    "IR of Lightning": (
        lambda s: {
            "epoch": 25,
            "state_dict": {"model.body.0.res_layer.0.weight": s["bn1.weight"], "head.kernel": s},
        },
        "face.evoLVe kind.*arcface_torch",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_named(state: dict[str, Tensor], path: Path, case: str) -> None:
    change, message = WRONG[case]
    torch.save(change(state), path)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_backbone(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    for wrong in (tmp_path / "none.pt", tmp_path):
        with pytest.raises(CheckpointError, match=re.escape(str(wrong))):
            load_backbone(wrong)


class _Runs:
    """A pickle of it would run a command on loading."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self.command,)


def test_malicious_pickle_is_refused_without_running(tmp_path: Path, path: Path) -> None:
    witness = tmp_path / "ran"
    torch.save({"conv1.weight": _Runs(f"touch {witness}")}, path)
    with pytest.raises(CheckpointError, match=r"\(posix\.system\).*could run code"):
        load_backbone(path)
    assert not witness.exists()


def test_a_whole_pickled_network_is_refused(model: IResNet, path: Path) -> None:
    torch.save(model, path)
    found = r"\(training\.network\.iresnet\.IResNet\).*could run code"
    with pytest.raises(CheckpointError, match=found):
        load_backbone(path)


@pytest.fixture(scope="module")
def content(model: IResNet, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "backbone.pth"
    torch.save(model.state_dict(), path)
    return path.read_bytes()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 255)), max_size=4),
    kept_share=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_damaged_file_is_refused_or_holds_a_network(
    content: bytes, path: Path, changes: list[tuple[int, int]], kept_share: float
) -> None:
    damaged = bytearray(content)
    for place, flipped in changes:
        damaged[place] ^= flipped
    path.write_bytes(damaged[: round(kept_share * len(damaged))])
    try:
        found = load_backbone(path)
    except CheckpointError:
        return
    assert found.config == NETWORK


def test_fine_tuning_starts_from_weights_and_statistics(model: IResNet, path: Path) -> None:
    torch.save(model.state_dict(), path)
    torch.manual_seed(9)
    fresh = IResNet(NETWORK.model_copy(update={"dropout": 0.2}))
    weight = fresh.conv1.weight
    initialise(fresh, path)
    assert fresh.conv1.weight is weight
    assert fresh.training
    assert torch.equal(fresh.bn2.get_buffer("running_var"), model.bn2.get_buffer("running_var"))
    assert not fresh.features.weight.requires_grad
    assert np.array_equal(embed_crops(fresh, _crops(2)), embed_crops(model, _crops(2)))


def test_frozen_scale_survives_a_step_of_fine_tuning(model: IResNet, path: Path) -> None:
    torch.save(model.state_dict(), path)
    fresh = IResNet(NETWORK)
    initialise(fresh, path)
    before = fresh.features.weight.clone()
    optimiser = torch.optim.SGD((p for p in fresh.parameters() if p.requires_grad), lr=0.1)
    fresh(torch.rand(4, 3, 112, 112)).square().sum().backward()
    optimiser.step()
    assert torch.equal(fresh.features.weight, before)
    assert not torch.equal(fresh.conv1.weight, model.conv1.weight)


@pytest.mark.parametrize("change", [{"embedding_dim": 8}, {"depths": (1, 2, 1, 2)}])
def test_fine_tuning_of_another_size_names_both(
    model: IResNet, path: Path, change: dict[str, object]
) -> None:
    torch.save(model.state_dict(), path)
    recipe = IResNet(NETWORK.model_copy(update=change))
    untouched = recipe.fc.weight.clone()
    with pytest.raises(CheckpointError, match=r"depths 1-2-1-3 .*16-d.*depths 1-2-1-.*-d; make"):
        initialise(recipe, path)
    assert torch.equal(recipe.fc.weight, untouched)
