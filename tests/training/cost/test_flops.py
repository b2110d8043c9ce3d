"""Arithmetic counted from the config, against torch's own count of what it runs."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from training.cost.flops import (
    HeadSize,
    head_flops_per_crop,
    macs_per_crop,
    network_flops_per_crop,
    num_parameters,
    train_flops_per_crop,
)
from training.network.iresnet import PUBLISHED_DEPTHS, IResNet, IResNetConfig

PUBLISHED_GMACS = {"r18": 2.6100, "r34": 4.4596, "r50": 6.3093, "r100": 12.0896, "r200": 23.4189}


def _flops_that_run(config: IResNetConfig, *, backward: bool) -> int:
    """Of one crop, by torch's dispatcher, on tensors without content."""
    with FakeTensorMode(), FlopCounterMode(display=False) as counter:
        embeddings = IResNet(config)(torch.empty(2, 3, 112, 112))
        if backward:
            embeddings.sum().backward()
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize("name", PUBLISHED_GMACS)
def test_macs_are_the_published_ones_and_those_that_run(name: str) -> None:
    config = IResNetConfig(depths=PUBLISHED_DEPTHS[name])
    assert macs_per_crop(config) / 1e9 == pytest.approx(PUBLISHED_GMACS[name], abs=5e-5)
    assert 2 * macs_per_crop(config) == _flops_that_run(config, backward=False)


@settings(max_examples=5)
@given(
    depths=st.tuples(*[st.integers(1, 3)] * 4),
    widths=st.tuples(*[st.integers(1, 96)] * 4),
    embedding_dim=st.integers(2, 600),
)
def test_every_size_is_counted_as_it_is_built_and_run(
    depths: tuple[int, int, int, int], widths: tuple[int, int, int, int], embedding_dim: int
) -> None:
    config = IResNetConfig(depths=depths, widths=widths, embedding_dim=embedding_dim)
    with torch.device("meta"):
        built = sum(p.numel() for p in IResNet(config).parameters())
    assert num_parameters(config) == built
    assert 2 * macs_per_crop(config) == _flops_that_run(config, backward=False)


def test_backward_pass_is_counted_as_it_runs() -> None:
    config = IResNetConfig(depths=PUBLISHED_DEPTHS["r18"])
    assert network_flops_per_crop(config) == _flops_that_run(config, backward=True)


def test_training_r50_takes_37_81_gflops_a_crop_and_the_head_what_its_classes_take() -> None:
    assert network_flops_per_crop(IResNetConfig()) / 1e9 == pytest.approx(37.81, abs=0.005)
    ms1mv3, glint360k = HeadSize(93_431), HeadSize(360_232)
    assert head_flops_per_crop(512, ms1mv3) / 1e9 == pytest.approx(0.287, abs=5e-4)
    assert head_flops_per_crop(512, glint360k) / 1e9 == pytest.approx(1.107, abs=5e-4)
    sampled = HeadSize(360_232, sub_centres=3, sample_rate=0.1)
    whole = train_flops_per_crop(IResNetConfig(), sampled) - network_flops_per_crop(IResNetConfig())
    assert whole == pytest.approx(0.3 * head_flops_per_crop(512, glint360k))
