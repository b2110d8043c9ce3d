"""Memory that training takes on each device, counted before anything is allocated."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

from data.face import CROP_SIZE_PX
from training.autocast import Precision
from training.cost.activations import FLOAT32_BYTES, activation_bytes_per_crop
from training.cost.flops import HeadSize, num_parameters
from training.cost.layers import layers
from training.heads.sampling import num_places
from training.network.iresnet import IResNetConfig

_CROP_BYTES: Final = 3 * CROP_SIZE_PX**2
_INDEX_BYTES: Final = 8
_PREFETCHED_STEPS: Final = 2
_UNITS: Final = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes on one device when the backward pass begins, which is the fullest moment.

    What the device's libraries take is not in it: the CUDA context, workspaces of cuDNN, buffers of
    NCCL, and what the allocator holds in reserve. Leave them a tenth of the device.
    """

    weights: int
    """Network, float32, with running statistics."""
    weight_copies: int
    """Kernels in the 16-bit type that autocast runs them in."""
    gradients: int
    momentum: int
    class_centres: int
    """This device's rows of the class matrix, and their momentum."""
    active_centres: int
    """Of the rows that a step compares with: unit vectors, and their gradient."""
    logits: int
    """Of a micro-batch of all devices with those rows; their gradient takes the same place."""
    activations: int
    """What autograd keeps of a micro-batch."""
    batches: int
    """Pixels of the step and of those fetched ahead, and the micro-batch in float32."""

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return sum(getattr(self, field.name) for field in fields(self))

    def lines(self) -> Iterator[str]:
        """One line of text for each part and one for the total, to print."""
        for field in fields(self):
            yield f"{field.name.replace('_', ' '):16}{readable(getattr(self, field.name)):>12}"
        yield f"{'total':16}{readable(self.total_bytes):>12}"


def estimate_memory(
    network: IResNetConfig,
    head: HeadSize,
    *,
    batch_size: int,
    micro_batch_size: int,
    world_size: int,
    precision: Precision,
) -> MemoryEstimate:
    """Count the memory of each of `world_size` devices.

    `batch_size` is that of a step over all devices, `micro_batch_size` that of one device's forward
    pass. Every float32 number counts four bytes; activations are as autograd keeps them.
    """
    row_bytes = network.embedding_dim * FLOAT32_BYTES * head.sub_centres
    shard = _shared(head.num_classes, world_size)
    active = shard
    if head.sample_rate < 1:
        active = num_places(shard, head.sample_rate, batch_size)
    trained = num_parameters(network) - network.embedding_dim  # the last norm's scale is frozen
    return MemoryEstimate(
        weights=_weight_bytes(network),
        weight_copies=0 if precision == "off" else _num_kernel_weights(network) * 2,
        gradients=trained * FLOAT32_BYTES,
        momentum=trained * FLOAT32_BYTES,
        class_centres=2 * shard * row_bytes,
        active_centres=2 * active * row_bytes,
        logits=micro_batch_size * world_size * active * _logit_bytes(head.sub_centres),
        activations=micro_batch_size * activation_bytes_per_crop(network, precision),
        batches=_batch_bytes(_shared(batch_size, world_size), micro_batch_size),
    )


def readable(num_bytes: int) -> str:
    """Bytes in the largest unit that leaves a number of at least 1, as in `1.5 GiB`."""
    for size, unit in _UNITS:
        if num_bytes >= size:
            return f"{num_bytes / size:.1f} {unit}"
    return f"{num_bytes} B"


def _shared(number: int, world_size: int) -> int:
    """The largest share of any device."""
    return -(-number // world_size)


def _weight_bytes(network: IResNetConfig) -> int:
    norms = [layer for layer in layers(network) if layer.kind == "norm"]
    statistics = sum(2 * norm.channels * FLOAT32_BYTES + 8 for norm in norms)
    return num_parameters(network) * FLOAT32_BYTES + statistics


def _num_kernel_weights(network: IResNetConfig) -> int:
    return sum(layer.num_parameters for layer in layers(network) if layer.kind == "conv")


def _logit_bytes(sub_centres: int) -> int:
    """Of one crop and class; with several sub-centres also the nearest one's logit and number."""
    if sub_centres == 1:
        return FLOAT32_BYTES
    return sub_centres * FLOAT32_BYTES + FLOAT32_BYTES + _INDEX_BYTES


def _batch_bytes(crops_of_step: int, micro_batch_size: int) -> int:
    pixels = (1 + _PREFETCHED_STEPS) * crops_of_step * _CROP_BYTES
    # Normalised, and augmented.
    return pixels + 2 * micro_batch_size * _CROP_BYTES * FLOAT32_BYTES
