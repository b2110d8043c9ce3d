import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

from training.iresnet import IResBlock, IResNet, IResNetConfig, ThinningConv2d
from training.prelu import PReLU

PUBLISHED = {
    (2, 2, 2, 2): 24_025_600,
    (3, 4, 14, 3): 43_590_848,
}


@pytest.mark.parametrize("depths", PUBLISHED)
def test_parameter_count_is_the_published_one(depths: tuple[int, int, int, int]) -> None:
    with torch.device("meta"):
        model = IResNet(IResNetConfig(depths=depths))
    assert sum(p.numel() for p in model.parameters()) == PUBLISHED[depths]


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


def test_embedding_stays_float32_under_autocast(tiny_network: IResNetConfig) -> None:
    torch.manual_seed(0)
    model = IResNet(tiny_network).eval()
    crops = torch.rand(4, 3, 112, 112) * 2 - 1
    plain = model(crops)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = model(crops)
    assert mixed.dtype == torch.float32
    assert functional.cosine_similarity(plain, mixed).min() > 0.99


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
