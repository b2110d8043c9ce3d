import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from data.face import TEMPLATE_PX, DetectedFace, eye_distance_px, l2_normalise, network_input


def test_the_template_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        TEMPLATE_PX[0, 0] = 0


def test_eye_distance_of_the_template() -> None:
    assert eye_distance_px(TEMPLATE_PX) == pytest.approx(35.2377, abs=1e-3)


def test_network_input_is_planar_rgb_from_minus_one_to_one() -> None:
    crops = np.zeros((2, 112, 112, 3), np.uint8)
    crops[1, 3, 5] = (255, 0, 127)
    scaled = network_input(crops)
    assert scaled.shape == (2, 3, 112, 112)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled[1, :, 3, 5], [1, -1, -0.5 / 127.5], atol=1e-7)
    assert (scaled[0] == -1).all()


def test_network_input_of_nothing() -> None:
    assert network_input(np.empty((0, 112, 112, 3), np.uint8)).shape == (0, 3, 112, 112)


@given(hnp.arrays(np.float32, (4, 8), elements=st.floats(width=32, allow_nan=False)))
def test_rows_become_unit_vectors_or_stay_zero(embeddings: NDArray[np.float32]) -> None:
    embeddings = np.nan_to_num(embeddings)
    norms = np.linalg.norm(l2_normalise(embeddings), axis=1)
    np.testing.assert_allclose(norms, embeddings.any(axis=1).astype(float), atol=1e-5)


@pytest.mark.parametrize(
    ("box", "area"), [((1, 2, 4, 6), 12), ((4, 2, 1, 6), 0), ((0, 0, 0, 0), 0)]
)
def test_area_is_never_negative(box: tuple[float, float, float, float], area: float) -> None:
    assert DetectedFace(box, TEMPLATE_PX, 1.0).area_px2 == area
