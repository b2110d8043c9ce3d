"""The layers of an iResNet with the sizes of their maps; every cost is a sum over them.

Counted from the config alone, so that a network can be priced before it is built.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from data.face import CROP_SIZE_PX
from training.network.iresnet import LAST_SIDE_PX, IResNetConfig


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, and its maps for one crop."""

    name: str
    """As in the state dict."""
    kind: Literal["conv", "linear", "norm", "prelu"]
    in_channels: int
    channels: int
    in_side_px: int
    """Side of the map that it reads; a linear layer reads a whole one."""
    side_px: int
    kernel_px: int = 1
    keeps_input: bool = True
    """Whether its backward pass needs its input, and no earlier layer has kept the same map."""

    @property
    def num_parameters(self) -> int:
        """Numbers that make up the layer, running statistics apart."""
        weights = self.in_channels * self.channels * self.kernel_px**2
        return {
            "conv": weights,
            "linear": weights + self.channels,
            "norm": 2 * self.channels,
            "prelu": self.channels,
        }[self.kind]

    @property
    def macs(self) -> int:
        """Multiplications with an addition, forward; those of norms and PReLU do not count."""
        if self.kind not in ("conv", "linear"):
            return 0
        return self.in_channels * self.channels * self.kernel_px**2 * self.side_px**2

    @property
    def input_size(self) -> int:
        """Numbers that it reads."""
        return self.in_channels * self.in_side_px**2


def layers(config: IResNetConfig) -> tuple[Layer, ...]:
    """Every layer with parameters, in the order of the forward pass."""
    first, last = config.widths[0], config.widths[-1]
    return (
        _conv("conv1", 3, first, CROP_SIZE_PX),
        *_activation("bn1", "prelu", first, CROP_SIZE_PX),
        *_body(config),
        _norm("bn2", last, LAST_SIDE_PX),
        Layer("fc", "linear", last, config.embedding_dim, LAST_SIDE_PX, 1, LAST_SIDE_PX),
        _norm("features", config.embedding_dim, 1),
    )


def _body(config: IResNetConfig) -> Iterator[Layer]:
    in_channels, side_px = config.widths[0], CROP_SIZE_PX
    for stage, (depth, channels) in enumerate(zip(config.depths, config.widths, strict=True), 1):
        for index in range(depth):
            stride = 2 if index == 0 else 1
            yield from _block(f"layer{stage}.{index}", in_channels, channels, side_px, stride)
            in_channels, side_px = channels, side_px // stride


def _block(
    name: str, in_channels: int, channels: int, side_px: int, stride: int
) -> Iterator[Layer]:
    out_px = side_px // stride
    yield _norm(f"{name}.bn1", in_channels, side_px)
    yield _conv(f"{name}.conv1", in_channels, channels, side_px)
    yield from _activation(f"{name}.bn2", f"{name}.prelu", channels, side_px)
    yield _conv(f"{name}.conv2", channels, channels, side_px, stride)
    yield _norm(f"{name}.bn3", channels, out_px)
    if stride > 1:
        shortcut = f"{name}.downsample"
        # It reads what bn1 reads.
        yield Layer(
            f"{shortcut}.0", "conv", in_channels, channels, side_px, out_px, keeps_input=False
        )
        yield _norm(f"{shortcut}.1", channels, out_px)


def _conv(name: str, in_channels: int, channels: int, side_px: int, stride: int = 1) -> Layer:
    return Layer(name, "conv", in_channels, channels, side_px, side_px // stride, kernel_px=3)


def _norm(name: str, channels: int, side_px: int) -> Layer:
    return Layer(name, "norm", channels, channels, side_px, side_px)


def _activation(norm: str, prelu: str, channels: int, side_px: int) -> tuple[Layer, Layer]:
    return (
        _norm(norm, channels, side_px),
        Layer(prelu, "prelu", channels, channels, side_px, side_px),
    )
