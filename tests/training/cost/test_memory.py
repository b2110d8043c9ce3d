"""Memory counted from the config, against what torch allocates and keeps."""

import pytest
import torch
from torch import Tensor

from training.autocast import Precision, autocast
from training.cost.activations import activation_bytes_per_crop
from training.cost.flops import HeadSize
from training.cost.memory import MemoryEstimate, estimate_memory, readable
from training.heads.config import ArcFaceConfig
from training.heads.head import MarginHead
from training.network.iresnet import IResNet, IResNetConfig
from training.world import World

NETWORKS = {
    "narrow": IResNetConfig(depths=(1, 2, 1, 1), widths=(4, 4, 8, 8), embedding_dim=16),
    "with dropout": IResNetConfig(
        depths=(1, 1, 1, 1), widths=(4, 4, 8, 8), embedding_dim=16, dropout=0.4
    ),
}


def _kept_bytes(network: IResNetConfig, precision: Precision, num_crops: int) -> int:
    """Bytes of every storage that autograd keeps after a forward pass, the weights' own apart."""
    torch.manual_seed(0)
    model = IResNet(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    own = {tensor.untyped_storage().data_ptr() for tensor in model.state_dict().values()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    crops = torch.rand(num_crops, 3, 112, 112).contiguous(memory_format=torch.channels_last)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        with autocast(torch.device("cpu"), precision):
            embeddings = model(crops)
        storages = [kept[place].untyped_storage().nbytes() for place in kept.keys() - own]
    assert embeddings.requires_grad
    return sum(storages)


def _kept_bytes_per_crop(network: IResNetConfig, precision: Precision) -> float:
    """The difference between two batches: what is kept once a batch falls out."""
    small, large = (_kept_bytes(network, precision, num_crops) for num_crops in (2, 4))
    return (large - small) / 2


@pytest.mark.parametrize("precision", ["bf16", "fp16", "off"])
@pytest.mark.parametrize("name", NETWORKS)
def test_activations_are_what_autograd_keeps_within_a_hundredth(
    name: str, precision: Precision
) -> None:
    found = _kept_bytes_per_crop(NETWORKS[name], precision)
    assert activation_bytes_per_crop(NETWORKS[name], precision) == pytest.approx(found, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16", "off"])
def test_activations_of_r50_are_what_autograd_keeps_within_a_hundredth(
    precision: Precision,
) -> None:
    found = _kept_bytes_per_crop(IResNetConfig(), precision)
    assert activation_bytes_per_crop(IResNetConfig(), precision) == pytest.approx(found, rel=0.01)


def test_r50_keeps_35_megabytes_a_crop_in_16_bits_and_twice_that_in_32() -> None:
    assert activation_bytes_per_crop(IResNetConfig(), "bf16") == 35_451_392
    assert activation_bytes_per_crop(IResNetConfig(), "off") == 70_800_384


def _estimate(head: HeadSize, world_size: int, precision: Precision = "bf16") -> MemoryEstimate:
    return estimate_memory(
        IResNetConfig(),
        head,
        batch_size=1024,
        micro_batch_size=128,
        world_size=world_size,
        precision=precision,
    )


def test_network_parts_are_the_bytes_of_the_tensors_they_stand_for() -> None:
    with torch.device("meta"):
        model = IResNet(IResNetConfig())
    trained = sum(p.nbytes for p in model.parameters() if p.requires_grad)
    kernels = sum(m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Conv2d))
    found = _estimate(HeadSize(1000), world_size=1)
    assert found.weights == sum(value.nbytes for value in model.state_dict().values())
    assert found.gradients == found.momentum == trained
    assert found.weight_copies == 2 * kernels
    assert found.activations == 128 * 35_451_392
    assert _estimate(HeadSize(1000), 1, "off").weight_copies == 0


def test_class_matrix_is_cut_over_the_world_and_sampling_cuts_logits() -> None:
    dense, cut = (_estimate(HeadSize(360_232), size) for size in (1, 8))
    sampled = _estimate(HeadSize(360_232, sample_rate=0.1), 8)
    assert dense.class_centres == 2 * 360_232 * 512 * 4
    assert cut.class_centres == dense.class_centres / 8
    # Eight times the crops against an eighth of the classes.
    assert cut.logits == dense.logits == 128 * 360_232 * 4
    assert cut.logits / 10 < sampled.logits < cut.logits / 5
    assert sampled.class_centres == cut.class_centres
    assert _estimate(HeadSize(360_232, sub_centres=3), 8).class_centres == 3 * cut.class_centres


@pytest.mark.parametrize(("sub_centres", "sample_rate"), [(1, 1.0), (3, 1.0), (1, 0.2), (2, 0.2)])
def test_head_parts_are_the_bytes_of_its_tensors(sub_centres: int, sample_rate: float) -> None:
    config = ArcFaceConfig(sub_centres=sub_centres, sample_rate=sample_rate)
    head = MarginHead(3000, 16, config, World(0, 1, torch.device("cpu")), seed=0)
    labels = torch.arange(8)
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    head.begin_step(labels, step=0)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        head(torch.randn(8, 16, requires_grad=True), labels).loss_sum.backward()
    found = estimate_memory(
        IResNetConfig(embedding_dim=16),
        HeadSize(3000, sub_centres, sample_rate),
        batch_size=8,
        micro_batch_size=8,
        world_size=1,
        precision="off",
    )
    derivatives = max(kept, key=lambda tensor: tensor.nbytes)
    num_centres = derivatives.shape[1]
    assert found.class_centres == head.weight.nbytes + head.velocity.nbytes
    assert found.active_centres == 2 * num_centres * head.weight[0].nbytes
    nearest = 8 * num_centres // sub_centres * 12 if sub_centres > 1 else 0  # a logit, an index
    assert found.logits == derivatives.nbytes + nearest


def test_lines_name_every_part_and_end_with_the_total() -> None:
    found = _estimate(HeadSize(93_431), world_size=1)
    lines = list(found.lines())
    assert [line[:16].strip() for line in lines] == [
        "weights",
        "weight copies",
        "gradients",
        "momentum",
        "class centres",
        "active centres",
        "logits",
        "activations",
        "batches",
        "total",
    ]
    assert lines[-1].endswith(readable(found.total_bytes))


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [(5, "5 B"), (1536, "1.5 KiB"), (3 << 20, "3.0 MiB"), (1 << 30, "1.0 GiB")],
)
def test_bytes_are_readable(num_bytes: int, text: str) -> None:
    assert readable(num_bytes) == text
