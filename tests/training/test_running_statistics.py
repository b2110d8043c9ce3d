import copy

import torch
from torch import nn

from training.network.iresnet import IResNet, IResNetConfig
from training.running_statistics import RunningStatistics

GOES = torch.tensor(False)
STAYS = torch.tensor(True)


def _net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.BatchNorm2d(4)
    ).train()


def _batches(count: int) -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.randn(5, 3, 8, 8) * (1 + index) for index in range(count)]


def test_one_micro_batch_a_step_is_what_torch_does() -> None:
    ours, theirs = _net(), _net()
    statistics = RunningStatistics(ours)
    for batch in _batches(4):
        assert torch.equal(ours(batch), theirs(batch))
        statistics.add()
        statistics.move(statistics.sum, 1, GOES)
    statistics.release(num_steps=4)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)
    ours.eval(), theirs.eval()
    torch.testing.assert_close(ours(batch), theirs(batch))


def test_several_move_by_their_mean_in_any_order() -> None:
    batches = _batches(3)
    found = []
    for order in ((0, 1, 2), (2, 0, 1)):
        net = _net()
        statistics = RunningStatistics(net)
        for index in order:
            net(batches[index])
            statistics.add()
        statistics.move(statistics.sum, 3, GOES)
        found.append(statistics.average.clone())
    torch.testing.assert_close(found[0], found[1])
    means = torch.stack([_net()[0](batch).mean((0, 2, 3)) for batch in batches]).mean(0)
    torch.testing.assert_close(found[0][:4], 0.1 * means)


def test_a_step_that_changes_nothing_moves_nothing() -> None:
    net = _net()
    statistics = RunningStatistics(net)
    before = statistics.average.clone()
    net(torch.full((5, 3, 8, 8), float("nan")))
    statistics.add()
    statistics.move(statistics.sum, 1, STAYS)
    assert torch.equal(statistics.average, before)
    assert not statistics.sum.any()


def test_a_network_given_back_goes_on_as_torch_knows_it() -> None:
    network = IResNet(IResNetConfig(depths=(1, 1, 1, 1), widths=(4, 4, 8, 8), embedding_dim=16))
    plain = copy.deepcopy(network)
    RunningStatistics(network).release(num_steps=7)
    assert network.bn1.momentum == plain.bn1.momentum
    assert int(network.bn1.num_batches_tracked or 0) == 7
    crops = torch.rand(2, 3, 112, 112)
    assert torch.equal(network.eval()(crops), plain.eval()(crops))
