import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

from training.network.iresnet import (
    PUBLISHED_DEPTHS,
    IResBlock,
    IResNet,
    IResNetConfig,
    ThinningConv2d,
)
from training.network.prelu import PReLU

NUM_PARAMETERS = {
    "r18": 24_025_600,
    "r34": 34_139_328,
    "r50": 43_590_848,
    "r100": 65_156_160,
    "r200": 118_833_920,
}


@pytest.mark.parametrize("name", PUBLISHED_DEPTHS)
def test_parameter_count_is_the_published_one(name: str) -> None:
    with torch.device("meta"):
        model = IResNet(IResNetConfig(depths=PUBLISHED_DEPTHS[name]))
    assert sum(p.numel() for p in model.parameters()) == NUM_PARAMETERS[name]


def test_default_is_r50() -> None:
    assert IResNetConfig().depths == PUBLISHED_DEPTHS["r50"]
    assert IResNetConfig().architecture == "iResNet depths 3-4-14-3 widths 64-128-256-512"


def test_names_are_those_of_arcface_torch() -> None:
    with torch.device("meta"):
        state = IResNet(IResNetConfig(depths=(1, 2, 1, 1))).state_dict()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    assert shapes["conv1.weight"] == (64, 3, 3, 3)
    assert shapes["layer1.0.downsample.0.weight"] == (64, 64, 1, 1)
    assert shapes["layer2.0.conv1.weight"] == (128, 64, 3, 3)
    assert shapes["layer2.1.prelu.weight"] == (128,)
    assert "layer2.1.downsample.0.weight" not in shapes
    assert shapes["fc.weight"] == (512, 512 * 7 * 7)
    assert shapes["features.running_var"] == (512,)


def test_last_norm_has_no_scale_to_train(tiny_network: IResNetConfig) -> None:
    model = IResNet(tiny_network)
    assert not model.features.weight.requires_grad
    assert torch.equal(model.features.weight, torch.ones(16))
    assert model.features.bias.requires_grad


def test_stages_halve_the_crop_four_times(tiny_network: IResNetConfig) -> None:
    model = IResNet(tiny_network).eval()
    sides = []
    for stage in (model.layer1, model.layer2, model.layer3, model.layer4):
        stage.register_forward_hook(lambda _module, _inputs, out: sides.append(out.shape[-1]))
    assert model(torch.zeros(1, 3, 112, 112)).shape == (1, 16)
    assert sides == [56, 28, 14, 7]


def test_block_is_the_published_sequence() -> None:
    torch.manual_seed(0)
    model = IResNet(IResNetConfig(depths=(2, 1, 1, 1), widths=(4, 4, 4, 4), embedding_dim=4)).eval()
    block = model.layer1[1]
    assert isinstance(block, IResBlock)
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.get_buffer("running_mean").uniform_()
            module.get_buffer("running_var").uniform_(0.5, 2)
    x = torch.randn(2, 4, 56, 56)
    hidden = functional.conv2d(block.bn1(x), block.conv1.weight, padding=1)
    hidden = functional.prelu(block.bn2(hidden), block.prelu.weight)
    hidden = block.bn3(functional.conv2d(hidden, block.conv2.weight, padding=1))
    torch.testing.assert_close(block(x), hidden + x)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_embedding_stays_float32_under_autocast(
    tiny_network: IResNetConfig, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    model = IResNet(tiny_network).eval()
    crops = (torch.rand(4, 3, 112, 112) * 2 - 1).contiguous(memory_format=torch.channels_last)
    plain = model(crops)
    with torch.autocast("cpu", dtype=dtype):
        mixed = model(crops)
    assert mixed.dtype == torch.float32
    assert functional.cosine_similarity(plain, mixed).min() > 0.99


def test_last_layers_hold_what_float16_cannot(tiny_network: IResNetConfig) -> None:
    torch.manual_seed(0)
    model = IResNet(tiny_network).eval()
    crops = torch.rand(4, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        model.fc.weight *= 1e8
        plain = model(crops)
        with torch.autocast("cpu", dtype=torch.float16):
            mixed = model(crops)
    assert plain.abs().max() > torch.finfo(torch.float16).max
    assert torch.isfinite(mixed).all()
    assert functional.cosine_similarity(plain, mixed).min() > 0.99


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_gradients_under_autocast_are_near_those_without(
    tiny_network: IResNetConfig, dtype: torch.dtype
) -> None:
    crops = torch.rand(8, 3, 112, 112, generator=torch.Generator().manual_seed(0)) * 2 - 1
    crops = crops.contiguous(memory_format=torch.channels_last)
    target = torch.randn(8, 16, generator=torch.Generator().manual_seed(1))

    def gradient(*, enabled: bool) -> torch.Tensor:
        torch.manual_seed(0)
        model = IResNet(tiny_network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.autocast("cpu", dtype=dtype, enabled=enabled):
            embeddings = model(crops)
        # Scaled up as a loss scale does, so that float16 keeps small gradients.
        ((embeddings * target).sum() * 64).backward()
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    mixed, plain = gradient(enabled=True), gradient(enabled=False)
    assert mixed.dtype == torch.float32
    assert functional.cosine_similarity(mixed, plain, dim=0) > 0.98


@pytest.mark.parametrize(
    "wrong",
    [
        {"depths": (3, 4, 14)},
        {"depths": (0, 1, 1, 1)},
        {"widths": (64, 128, 256, -1)},
        {"dropout": 1.0},
        {"embedding_dim": 1},
        {"width": 64},
    ],
)
def test_config_refuses_what_is_no_network(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        IResNetConfig.model_validate(wrong)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 3),
    channels=st.integers(1, 40),
    side=st.integers(1, 9),
    channels_last=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_prelu_equals_torch(
    n: int, channels: int, side: int, channels_last: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    ours, theirs = PReLU(channels).double(), nn.PReLU(channels).double()
    slopes = torch.randn(channels, dtype=torch.float64)
    ours.weight.data.copy_(slopes)
    theirs.weight.data.copy_(slopes)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.randn(n, channels, side, side, dtype=torch.float64).contiguous(memory_format=layout)
    grad = torch.randn_like(x)
    results = []
    for layer in (ours, theirs):
        source = x.clone(memory_format=torch.preserve_format).requires_grad_()
        out = layer(source)
        out.backward(grad)
        results.append((out.detach(), source.grad, layer.weight.grad))
    for mine, expected in zip(*results, strict=True):
        torch.testing.assert_close(mine, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_prelu_of_many_blocks_equals_that_of_one_to_the_bit(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 5, 9, 7).to(dtype).contiguous(memory_format=torch.channels_last)
    grad = torch.randn_like(x)
    results = []
    for block_bytes in (1 << 20, 1):
        monkeypatch.setattr("training.network.prelu._BLOCK_BYTES", block_bytes)
        layer, source = PReLU(5), x.clone(memory_format=torch.preserve_format).requires_grad_()
        layer(source).backward(grad)
        results.append((source.grad, layer.weight.grad))
    for one, many in zip(*results, strict=True):
        assert torch.equal(one, many)


def test_prelu_passes_gradcheck() -> None:
    torch.manual_seed(1)
    layer = PReLU(3).double()
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64).to(memory_format=torch.channels_last)
    assert torch.autograd.gradcheck(layer, (x.requires_grad_(),))


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_shortcut_convolution_equals_torch(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    ours = ThinningConv2d(4, 6, 1, stride=2, bias=False).double()
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64).contiguous(memory_format=layout)
    torch.testing.assert_close(ours(x), functional.conv2d(x, ours.weight, stride=2))
    assert torch.autograd.gradcheck(ours, (x.requires_grad_(),))


def test_shortcut_convolution_has_the_same_shape_on_other_devices() -> None:
    with torch.device("meta"):
        out = ThinningConv2d(4, 6, 1, stride=2, bias=False)(torch.empty(2, 4, 9, 8))
    assert out.shape == (2, 6, 5, 4)
