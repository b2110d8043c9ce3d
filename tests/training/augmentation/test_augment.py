import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from training.augmentation.augment import AugmentConfig, augmented, draw
from training.draws import uniform
from training.loading.arrays import Rows

ALL_ON = AugmentConfig(
    flip_share=0.5,
    shift_px=6,
    rotation_deg=10,
    zoom=0.1,
    brightness=0.2,
    contrast=0.3,
    colour=0.1,
    low_resolution_share=0.5,
    erase_share=0.5,
    blur_share=0.5,
    cover_share=0.5,
)
ALL_OFF = AugmentConfig(flip_share=0)


def augment(
    crops: torch.Tensor, keys: Rows, seed: int, epoch: int, config: AugmentConfig
) -> torch.Tensor:
    return augmented(crops, draw(config, seed, epoch, keys), config)


def _crops(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.rand(count, 3, 112, 112, generator=generator) * 2 - 1


def _rows(*rows: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(rows, dtype=np.int64)


def test_all_off_changes_nothing() -> None:
    crops = _crops(4)
    assert torch.equal(augment(crops, _rows(0, 1, 2, 3), 1, 0, ALL_OFF), crops)


def test_result_does_not_depend_on_the_batch() -> None:
    crops = _crops(8)
    together = augment(crops, np.arange(8), 1, 3, ALL_ON)
    backwards = augment(crops.flip(0), np.arange(8)[::-1].copy(), 1, 3, ALL_ON).flip(0)
    alone = augment(crops[5:6], _rows(5), 1, 3, ALL_ON)
    torch.testing.assert_close(together, backwards)
    torch.testing.assert_close(together[5:6], alone)


def test_result_depends_on_seed_epoch_and_row() -> None:
    crop = _crops(1)
    base = augment(crop, _rows(7), 1, 3, ALL_ON)
    for rows, seed, epoch in ((_rows(8), 1, 3), (_rows(7), 2, 3), (_rows(7), 1, 4)):
        assert not torch.equal(augment(crop, rows, seed, epoch, ALL_ON), base)


def test_result_stays_in_range_and_leaves_its_input_alone() -> None:
    crops = _crops(32)
    before = crops.clone()
    changed = augment(crops, np.arange(32), 0, 0, ALL_ON)
    assert changed.shape == crops.shape
    assert changed.min() >= -1 - 1e-5
    assert changed.max() <= 1 + 1e-5
    assert torch.equal(crops, before)


@pytest.mark.parametrize("with_geometry", [False, True])
def test_flip_mirrors_left_and_right(with_geometry: bool) -> None:
    crops = _crops(6)
    # A rotation too small to see sends the flip through the sampling grid.
    config = AugmentConfig(flip_share=1, rotation_deg=1e-6 if with_geometry else 0)
    flipped = augment(crops, np.arange(6), 0, 0, config)
    torch.testing.assert_close(flipped, crops.flip(3), atol=1e-3, rtol=0)


def test_flips_hit_their_share() -> None:
    crops = torch.linspace(-1, 1, 112).expand(400, 3, 112, 112)
    flipped = augment(crops, np.arange(400), 0, 0, AugmentConfig(flip_share=0.25))
    share = (flipped[:, 0, 0, 0] > 0).float().mean().item()
    assert share == pytest.approx(0.25, abs=0.08)


def test_shift_moves_by_no_more_than_asked_and_fills_with_black() -> None:
    crops = torch.ones(64, 3, 112, 112)
    moved = augment(crops, np.arange(64), 0, 0, AugmentConfig(flip_share=0, shift_px=5))
    assert (moved[:, :, 6:-6, 6:-6] > 0.999).all()
    assert moved.min() == pytest.approx(-1, abs=1e-5)


def test_brightness_and_contrast_bounds() -> None:
    crops = torch.full((200, 3, 112, 112), 0.4)
    lit = augment(crops, np.arange(200), 0, 0, AugmentConfig(flip_share=0, brightness=0.1))
    assert lit.min() >= 0.3 - 1e-5
    assert lit.max() <= 0.5 + 1e-5
    assert lit.std() > 0.02
    stretched = augment(crops, np.arange(200), 0, 0, AugmentConfig(flip_share=0, contrast=0.5))
    assert stretched.min() >= 0.2 - 1e-5
    assert stretched.max() <= 0.6 + 1e-5


def test_colour_spares_green_and_keeps_black_black() -> None:
    config = AugmentConfig(flip_share=0, colour=0.3)
    grey = augment(torch.zeros(50, 3, 112, 112), np.arange(50), 0, 0, config)
    assert grey[:, 1].abs().max() < 1e-6
    assert grey[:, 0].std() > 0.05
    black = augment(torch.full((50, 3, 112, 112), -1.0), np.arange(50), 0, 0, config)
    torch.testing.assert_close(black, torch.full_like(black, -1.0))


def test_low_resolution_smooths() -> None:
    crops = _crops(40)
    config = AugmentConfig(flip_share=0, low_resolution_share=1)
    small = augment(crops, np.arange(40), 0, 0, config)
    assert (small.std(dim=(1, 2, 3)) < 0.6 * crops.std(dim=(1, 2, 3))).all()


def test_erasing_greys_one_rectangle_of_at_most_the_given_side() -> None:
    crops = torch.ones(60, 3, 112, 112)
    config = AugmentConfig(flip_share=0, erase_share=1, erase_side=0.5)
    for crop in augment(crops, np.arange(60), 0, 0, config):
        ys, xs = torch.nonzero(crop[0] == 0, as_tuple=True)
        height, width = int(ys.max() - ys.min()) + 1, int(xs.max() - xs.min()) + 1
        assert len(ys) == height * width
        assert max(height, width) <= 57
        assert (crop != 1).sum() == 3 * len(ys)


@pytest.mark.parametrize("wrong", [{"flip_share": 1.5}, {"shift_px": -1}, {"mixup": 0.1}])
def test_config_refuses_nonsense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        AugmentConfig.model_validate(wrong)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1),
    epoch=st.integers(0, 10_000),
    rows=st.lists(st.integers(0, 2**62), min_size=1, max_size=8, unique=True),
)
def test_draws_are_uniform_and_keyed(seed: int, epoch: int, rows: list[int]) -> None:
    table = uniform(seed, epoch, np.array(rows, dtype=np.int64), 6)
    assert table.shape == (len(rows), 6)
    assert ((table >= 0) & (table < 1)).all()
    assert len(np.unique(table)) == table.size
    for index, row in enumerate(rows):
        assert (uniform(seed, epoch, np.array([row]), 6)[0] == table[index]).all()


def test_draws_fill_the_unit_interval_evenly_and_independently() -> None:
    table = uniform(3, 1, np.arange(20_000), 4)
    counts = np.stack([np.histogram(column, 10, (0, 1))[0] for column in table.T])
    assert np.abs(counts - 2000).max() < 250
    assert np.abs(np.corrcoef(table.T) - np.eye(4)).max() < 0.03


def test_further_draws_leave_the_first_ones_as_they_were() -> None:
    rows = np.arange(50)
    assert (uniform(7, 3, rows, 40)[:, :16] == uniform(7, 3, rows, 16)).all()


BLUR = AugmentConfig(flip_share=0, blur_share=1, blur_px=3)
COVER = AugmentConfig(flip_share=0, cover_share=1, cover_side=0.6)


def test_blur_keeps_light_and_takes_contrast() -> None:
    crops = _crops(40)
    soft = augment(crops, np.arange(40), 0, 0, BLUR)
    assert soft.shape == crops.shape
    torch.testing.assert_close(soft.mean(dim=(2, 3)), crops.mean(dim=(2, 3)), atol=0.02, rtol=0)
    assert (soft.std(dim=(1, 2, 3)) < crops.std(dim=(1, 2, 3))).all()
    flat = torch.full((8, 3, 112, 112), 0.3)
    torch.testing.assert_close(augment(flat, np.arange(8), 0, 0, BLUR), flat)


def test_half_of_the_blurs_have_a_direction() -> None:
    """A lens blurs a point to a round spot, motion to a line."""
    crops = torch.full((60, 3, 112, 112), -1.0)
    crops[:, :, 56, 56] = 1.0
    spots = augment(crops, np.arange(60), 0, 0, BLUR)[:, 0] + 1
    place = torch.arange(112) - 56.0
    x, y = place[None, None, :], place[None, :, None]
    mass = spots.sum(dim=(1, 2))
    torch.testing.assert_close(mass, torch.full_like(mass, 2.0), atol=0.02, rtol=0)
    across = torch.stack(
        [(spots * value).sum(dim=(1, 2)) / mass for value in (x * x, y * y, x * y)], 1
    )
    spread = across[:, 0] + across[:, 1]
    lean = torch.hypot(across[:, 0] - across[:, 1], 2 * across[:, 2]) / spread
    clear = spread > 1
    share = (lean[clear] > 0.5).float().mean().item()
    assert share == pytest.approx(0.5, abs=0.2)


def test_cover_hides_one_place_with_one_colour() -> None:
    crops = torch.zeros(60, 3, 112, 112)
    changed = augment(crops, np.arange(60), 0, 0, COVER)
    hidden = (changed != 0).any(1).float().mean(dim=(1, 2))
    # Half of the side in either direction at the most, an ellipse, and some of it outside.
    assert hidden.max() <= 0.6**2 * np.pi / 4 + 0.03
    assert (hidden > 0).float().mean() > 0.9
    assert changed.abs().max() <= 1
    assert changed[:, :, 56, 56].std() > 0.1


@pytest.mark.parametrize("config", [BLUR, COVER])
def test_blur_and_cover_are_keyed_like_the_rest(config: AugmentConfig) -> None:
    crops = _crops(6)
    together = augment(crops, np.arange(6), 1, 3, config)
    alone = augment(crops[4:5], _rows(4), 1, 3, config)
    torch.testing.assert_close(together[4:5], alone)
    assert not torch.equal(augment(crops, np.arange(6), 1, 4, config), together)


@pytest.mark.parametrize("name", ["blur", "cover"])
def test_shares_of_blur_and_cover_are_hit(name: str) -> None:
    crops = _crops(300)
    config = AugmentConfig.model_validate({"flip_share": 0, f"{name}_share": 0.2})
    changed = (augment(crops, np.arange(300), 0, 0, config) != crops).flatten(1).any(1)
    assert changed.float().mean().item() == pytest.approx(0.2, abs=0.06)


def test_what_is_picked_hits_its_share_and_no_crop_loses_resolution_twice() -> None:
    config = AugmentConfig(low_resolution_share=0.4, blur_share=0.3, cover_share=0.1)
    draws = draw(config, 0, 0, np.arange(4000))
    picked = [draws.halved, draws.quartered, draws.blurred, draws.covered]
    assert [len(rows) / 4000 for rows in picked] == pytest.approx([0.2, 0.2, 0.3, 0.1], abs=0.03)
    assert not set(draws.halved.tolist()) & set(draws.quartered.tolist())


def test_draws_are_moved_whole() -> None:
    draws = draw(ALL_ON, 0, 0, np.arange(20))
    moved = draws.moved(lambda tensor: tensor.to("meta"))
    for name in ("chance", "halved", "quartered", "blurred", "covered"):
        assert getattr(moved, name).is_meta
        assert getattr(moved, name).shape == getattr(draws, name).shape
