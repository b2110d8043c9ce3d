import pytest
import torch

from training.heads.quality import NormQuality

SOUND, INFINITE = torch.tensor(0.0), torch.tensor(1.0)


def _after(*parts: torch.Tensor, found_inf: torch.Tensor = SOUND) -> NormQuality:
    quality = NormQuality(concentration=0.333, average_rate=0.1).double()
    quality.begin_step()
    for norms in parts:
        quality(norms)
    quality.end_step(found_inf)
    return quality


def test_quality_is_the_formula_on_the_values_of_the_step_before() -> None:
    quality = NormQuality(concentration=0.333, average_rate=0.1).double()
    quality.mean.fill_(25.0)
    quality.deviation.fill_(2.0)
    quality.begin_step()
    norms = torch.tensor([25.0, 26.0, 1000.0, 0.0], dtype=torch.float64)
    expected = torch.tensor([0, 0.333 / 2.001, 1, -1], dtype=torch.float64)
    torch.testing.assert_close(quality(norms), expected)
    torch.testing.assert_close(quality(norms), expected)


def test_statistics_move_once_a_step_however_it_is_cut() -> None:
    norms = torch.linspace(3, 60, 12, dtype=torch.float64)
    whole, cut = _after(norms), _after(norms[:5], norms[5:10], norms[10:])
    torch.testing.assert_close(whole.mean, 20 + 0.1 * (norms.mean() - 20))
    torch.testing.assert_close(whole.deviation, 100 + 0.1 * (norms.std() - 100))
    torch.testing.assert_close(cut.state_dict(), whole.state_dict())


@pytest.mark.parametrize("norms", [[7.0], []])
def test_fewer_than_two_crops_have_no_deviation_and_move_nothing(norms: list[float]) -> None:
    quality = _after(torch.tensor(norms, dtype=torch.float64))
    assert (quality.mean.item(), quality.deviation.item()) == (20, 100)


def test_a_step_that_is_not_finite_moves_nothing() -> None:
    quality = _after(torch.tensor([float("nan"), 30.0]), found_inf=INFINITE)
    assert (quality.mean.item(), quality.deviation.item()) == (20, 100)
