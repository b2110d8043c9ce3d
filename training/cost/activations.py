"""Memory that the maps of one crop take between the forward and the backward pass."""

from typing import Final

from training.autocast import Precision
from training.cost.layers import Layer, layers
from training.network.iresnet import IResNetConfig

FLOAT32_BYTES: Final = 4


def precision_bytes(precision: Precision) -> int:
    """Bytes of a number in the type that convolutions run in."""
    return FLOAT32_BYTES if precision == "off" else 2


def activation_bytes_per_crop(network: IResNetConfig, precision: Precision) -> int:
    """Bytes that autograd keeps of one crop.

    Each layer keeps its input: a convolution for the gradient of its weights, a norm and a PReLU
    for both gradients. Additions keep nothing. Per batch, not per crop, and left out: statistics of
    norms and the 16-bit copies of weights.
    """
    kept = sum(
        layer.input_size * _bytes_of_input(layer, precision)
        for layer in layers(network)
        if layer.keeps_input
    )
    return kept + _dropout_mask_bytes(network, precision)


def _bytes_of_input(layer: Layer, precision: Precision) -> int:
    return FLOAT32_BYTES if layer.name in ("fc", "features") else precision_bytes(precision)


def _dropout_mask_bytes(network: IResNetConfig, precision: Precision) -> int:
    fc = next(layer for layer in layers(network) if layer.name == "fc")
    return fc.input_size * precision_bytes(precision) if network.dropout else 0
