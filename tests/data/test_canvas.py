import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.detection.canvas import Canvas

SIDES = st.integers(1, 900)


@given(height=SIDES, width=SIDES, max_side_px=st.sampled_from([64, 320, 640]))
def test_a_canvas_is_whole_strides_and_not_too_large(
    height: int, width: int, max_side_px: int
) -> None:
    canvas = Canvas.fit(np.full((height, width, 3), 200, np.uint8), max_side_px, 32)
    rows, columns = canvas.image_rgb_u8.shape[:2]
    assert rows % 32 == columns % 32 == 0
    assert max(rows, columns) <= max_side_px
    painted = canvas.image_rgb_u8[..., 0] > 0
    used_hw = painted.any(1).sum(), painted.any(0).sum()
    assert painted[: used_hw[0], : used_hw[1]].all()
    back = used_hw[1] * canvas.per_pixel[0], used_hw[0] * canvas.per_pixel[1]
    np.testing.assert_allclose(back, (width, height), rtol=1e-6)


@given(height=st.integers(1, 64), width=st.integers(1, 64))
def test_a_small_picture_is_padded_and_never_enlarged(height: int, width: int) -> None:
    image = np.random.default_rng(0).integers(1, 256, (height, width, 3), np.uint8)
    canvas = Canvas.fit(image, 640, 640)
    assert canvas.image_rgb_u8.shape == (640, 640, 3)
    np.testing.assert_array_equal(canvas.image_rgb_u8[:height, :width], image)
    assert canvas.image_rgb_u8.sum(dtype=int) == image.sum(dtype=int)
    assert canvas.per_pixel.tolist() == [1, 1]
