"""Arithmetic of a network and its head; one multiplication and addition (MAC) is two FLOPs."""

from dataclasses import dataclass

from training.cost.layers import layers
from training.network.iresnet import IResNetConfig


@dataclass(frozen=True, slots=True)
class HeadSize:
    """What a head costs depends on this."""

    num_classes: int
    sub_centres: int = 1
    """Centres of each class."""
    sample_rate: float = 1.0
    """Share of the classes that a step compares with (Partial FC)."""


def num_parameters(network: IResNetConfig) -> int:
    """Parameters, the frozen scale of the last norm among them, as the published counts have it."""
    return sum(layer.num_parameters for layer in layers(network))


def macs_per_crop(network: IResNetConfig) -> int:
    """Multiplications with an addition of one forward pass: what papers on faces call FLOPs.

    Those of convolutions and the linear layer; r50 has 6.3093e9.
    """
    return sum(layer.macs for layer in layers(network))


def network_flops_per_crop(network: IResNetConfig) -> int:
    """FLOPs of forward and backward pass of the network.

    Each layer multiplies three times: forward, for the gradient of its input, and for that of its
    weights. Nobody wants the gradient of the picture, so the stem does without.
    """
    stem = layers(network)[0]
    return 2 * (3 * macs_per_crop(network) - stem.macs)


def head_flops_per_crop(embedding_dim: int, head: HeadSize) -> float:
    """FLOPs of the head's three products for one crop, over all processes together."""
    return 3 * 2 * embedding_dim * head.num_classes * head.sub_centres * head.sample_rate


def train_flops_per_crop(network: IResNetConfig, head: HeadSize) -> float:
    """FLOPs that training on one crop takes.

    MFU, the share of the peak that is used (Chowdhery et al. 2022, PaLM, appendix B), is this times
    crops per second over the peak of all devices. Augmentation and optimiser count as overhead.
    """
    return network_flops_per_crop(network) + head_flops_per_crop(network.embedding_dim, head)
