"""iResNet, the residual network of ArcFace, at any depth and width.

Architecture and module names are those of arcface_torch (Deng et al. 2019), so that its published
weights fit by name and shape. Unlike a plain ResNet it has no pooling, its blocks begin with a
batch norm, and nothing follows the addition (Han et al. 2017).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from data.face import CROP_SIZE_PX
from training.network.prelu import PReLU

Four = tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt]
"""A number for each stage."""

PUBLISHED_DEPTHS: Final[Mapping[str, Four]] = MappingProxyType(
    {
        "r18": (2, 2, 2, 2),
        "r34": (3, 4, 6, 3),
        "r50": (3, 4, 14, 3),
        "r100": (3, 13, 30, 3),
        "r200": (6, 26, 60, 6),
    }
)
"""Blocks in each stage of the published networks, by the names of arcface_torch."""
IMAGENET_WIDTHS: Final[Four] = (64, 128, 256, 512)
LAST_SIDE_PX: Final = CROP_SIZE_PX // 2**4
"""Side of the last map: each stage halves it."""


class IResNetConfig(BaseModel):
    """Size of the network; the default is iResNet-50 with 43,590,848 parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    depths: Four = PUBLISHED_DEPTHS["r50"]
    """Blocks in each stage; those of iResNet-18 to 200 are in `PUBLISHED_DEPTHS`."""
    widths: Four = IMAGENET_WIDTHS
    """Channels in each stage; the stem has those of the first."""
    embedding_dim: int = Field(default=512, ge=2)
    """Numbers in an embedding."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the last feature map that is dropped in training."""

    @property
    def architecture(self) -> str:
        """Name of the network by its size, as releases carry it."""
        depths = "-".join(map(str, self.depths))
        widths = "-".join(map(str, self.widths))
        return f"iResNet depths {depths} widths {widths}"


class ThinningConv2d(nn.Conv2d):
    """A 1 x 1 convolution with a stride, on a CPU computed on the pixels it keeps.

    The same numbers as its base class. torch 2.13's CPU kernel (oneDNN 3.12) for the gradient of
    the strided form writes outside its memory for few channels stored channels-last, and crashes.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in_channels, h, w) to (n, channels, h / stride, w / stride)."""
        if x.device.type != "cpu":
            return super().forward(x)
        down, across = (int(step) for step in self.stride)
        return functional.conv2d(x[:, :, ::down, ::across], self.weight, self.bias)


class IResBlock(nn.Module):
    """BN, conv, BN, PReLU, conv with the stride, BN; then the input is added."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.prelu = PReLU(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.downsample: nn.Sequential | None = None
        if stride != 1:
            self.downsample = nn.Sequential(
                ThinningConv2d(in_channels, channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in_channels, h, w) to (n, channels, h / stride, w / stride)."""
        identity = x if self.downsample is None else self.downsample(x)
        hidden = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        residual: Tensor = self.bn3(self.conv2(hidden))
        return residual + identity


class IResNet(nn.Module):
    """Crops in, embeddings out. The embeddings are raw: scale them to unit length to compare."""

    def __init__(self, config: IResNetConfig) -> None:
        super().__init__()
        self.config = config
        first, second, third, last = config.widths
        self.conv1 = nn.Conv2d(3, first, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.prelu = PReLU(first)
        self.layer1 = _stage(config.depths[0], first, first)
        self.layer2 = _stage(config.depths[1], first, second)
        self.layer3 = _stage(config.depths[2], second, third)
        self.layer4 = _stage(config.depths[3], third, last)
        self.bn2 = nn.BatchNorm2d(last)
        self.dropout = nn.Dropout(config.dropout)
        self.fc = nn.Linear(last * LAST_SIDE_PX**2, config.embedding_dim)
        self.features = nn.BatchNorm1d(config.embedding_dim)
        # A scale here would be undone by the normalisation of the embedding.
        self.features.weight.requires_grad = False
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.1)

    def forward(self, crops: Tensor) -> Tensor:
        """Map crops (n, 3, 112, 112) in [-1, 1], RGB, to embeddings (n, embedding_dim), float32.

        Under autocast the convolutions run in its type, the last linear layer and norm in float32.
        """
        hidden = self.prelu(self.bn1(self.conv1(crops)))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            hidden = stage(hidden)
        hidden = self.dropout(torch.flatten(self.bn2(hidden), 1))
        with torch.autocast(crops.device.type, enabled=False):
            embeddings: Tensor = self.features(self.fc(hidden.float()))
        return embeddings


def _stage(depth: int, in_channels: int, channels: int) -> nn.Sequential:
    """Blocks of one stage; the first halves the picture."""
    blocks = [IResBlock(in_channels, channels, stride=2)]
    blocks += [IResBlock(channels, channels, stride=1) for _ in range(depth - 1)]
    return nn.Sequential(*blocks)
