"""The kernel's own C++, compiled for this CPU, against the numpy reference: equal bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from data.face import CROP_SIZE_PX, TEMPLATE_PX, LandmarksPx, RgbU8
from serving.alignment_kernel.formats import OutputFormat, all_formats
from serving.alignment_kernel.reference import align_faces
from serving.alignment_kernel.rounding import store
from tests.serving.alignment_kernel.faces import NOT_FACES, faces, wild_landmarks
from tests.serving.alignment_kernel.host_program import HostProgram

NHWC_F32 = OutputFormat("nhwc", "f32")
Batch = list[tuple[RgbU8, LandmarksPx]]


def _check(
    program: HostProgram,
    frames: list[RgbU8],
    landmarks: NDArray[np.float32],
    index: NDArray[np.int32],
    output: OutputFormat = NHWC_F32,
    taps: int = 1,
) -> None:
    crops, is_face = program.align(frames, landmarks, index, output, max_taps_per_axis=taps)
    expected, expected_is_face = align_faces(frames, landmarks, index, taps)
    assert is_face.tolist() == expected_is_face.tolist()
    # Of bits, so that 0 and -0 differ.
    np.testing.assert_array_equal(_bits(crops), _bits(store(expected, output)))


def _bits(values: NDArray[np.float32] | NDArray[np.uint16]) -> NDArray[np.uint16]:
    return np.ascontiguousarray(values).view(np.uint16)


@given(st.lists(faces(), min_size=1, max_size=3), st.data())
@settings(max_examples=25)
def test_batches_of_frames_of_different_size(
    host_program: HostProgram, batch: Batch, data: st.DataObject
) -> None:
    frames = [frame for frame, _ in batch]
    landmarks = np.stack([points for _, points in batch])
    index = np.array(
        data.draw(
            st.lists(st.integers(-1, len(frames)), min_size=len(frames), max_size=len(frames))
        ),
        np.int32,
    )
    _check(host_program, frames, landmarks, index, data.draw(st.sampled_from(all_formats())))


@given(faces())
@settings(max_examples=30)
def test_face(host_program: HostProgram, face: tuple[RgbU8, LandmarksPx]) -> None:
    frame, landmarks = face
    _check(host_program, [frame], landmarks[None], np.zeros(1, np.int32))


@given(faces(), st.integers(2, 4))
@settings(max_examples=12)
def test_prefilter(host_program: HostProgram, face: tuple[RgbU8, LandmarksPx], taps: int) -> None:
    frame, landmarks = face
    large = landmarks[0] + (landmarks - landmarks[0]) * np.float32(4)
    _check(host_program, [frame], large[None], np.zeros(1, np.int32), taps=taps)


@given(wild_landmarks())
@settings(max_examples=60)
def test_any_ten_floats(host_program: HostProgram, landmarks: LandmarksPx) -> None:
    frame = np.full((9, 7, 3), 255, np.uint8)
    _check(host_program, [frame], landmarks[None], np.zeros(1, np.int32), taps=2)


@pytest.mark.parametrize("landmarks", NOT_FACES.values(), ids=NOT_FACES)
def test_landmarks_that_span_no_face(
    host_program: HostProgram, landmarks: NDArray[np.float64]
) -> None:
    frame = np.full((90, 80, 3), 255, np.uint8)
    both = np.stack([landmarks, TEMPLATE_PX]).astype(np.float32)
    crops, is_face = host_program.align([frame], both, np.zeros(2, np.int32), NHWC_F32)
    assert is_face.tolist() == [False, True]
    assert (crops[0] == -1).all()
    assert (crops[1] == 1).any()


@pytest.mark.parametrize("index", [-1, 1, 2**31 - 1, -(2**31)])
def test_index_of_no_frame(host_program: HostProgram, index: int) -> None:
    frame = np.full((90, 80, 3), 255, np.uint8)
    crops, is_face = host_program.align(
        [frame], TEMPLATE_PX[None], np.array([index], np.int32), NHWC_F32
    )
    assert not is_face.any()
    assert (crops == -1).all()


def test_a_batch_without_frames(host_program: HostProgram) -> None:
    _check(host_program, [], TEMPLATE_PX[None], np.zeros(1, np.int32))


@pytest.mark.parametrize("output", all_formats(), ids=lambda output: output.kernel_name)
def test_every_format(host_program: HostProgram, output: OutputFormat) -> None:
    frame = np.random.default_rng(7).integers(0, 256, (200, 150, 3), dtype=np.uint8)
    landmarks = np.stack([TEMPLATE_PX, TEMPLATE_PX[:, ::-1] * 1.4]).astype(np.float32)
    _check(host_program, [frame], landmarks, np.zeros(2, np.int32), output)


@pytest.mark.parametrize("output", all_formats(), ids=lambda output: output.kernel_name)
def test_order_of_threads_does_not_matter(host_program: HostProgram, output: OutputFormat) -> None:
    frame = np.random.default_rng(8).integers(0, 256, (120, 130, 3), dtype=np.uint8)
    forwards, backwards = (
        host_program.align(
            [frame], TEMPLATE_PX[None], np.zeros(1, np.int32), output, backwards=order
        )[0]
        for order in (False, True)
    )
    np.testing.assert_array_equal(forwards, backwards)


def test_a_region_of_a_larger_frame_is_read_by_its_rows_and_not_beyond(
    host_program: HostProgram,
) -> None:
    """Around the region lies white; the crop of a face at its rim must see black there."""
    whole = np.full((300, 400, 3), 255, np.uint8)
    region = whole[100:180, 150:240]
    region[:] = 60
    landmarks = (TEMPLATE_PX * 1.5 - 30).astype(np.float32)
    crops, _ = host_program.align([region], landmarks[None], np.zeros(1, np.int32), NHWC_F32)
    assert crops.max() < 0
    _check(host_program, [region], landmarks[None], np.zeros(1, np.int32))


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (112, 112)])
def test_frames_of_one_row_column_or_pixel(
    host_program: HostProgram, shape: tuple[int, int]
) -> None:
    frame = np.full((*shape, 3), 200, np.uint8)
    _check(host_program, [frame], TEMPLATE_PX[None] - 30, np.zeros(1, np.int32))


def test_every_pixel_is_the_frames_own_where_the_map_is_the_identity(
    host_program: HostProgram,
) -> None:
    frame = np.random.default_rng(9).integers(0, 256, (CROP_SIZE_PX,) * 2 + (3,), dtype=np.uint8)
    crops, _ = host_program.align([frame], TEMPLATE_PX[None], np.zeros(1, np.int32), NHWC_F32)
    # The last bit of a coordinate moves a grey level by 255 * 2^-17 at most.
    np.testing.assert_allclose(crops[0] * 127.5 + 127.5, frame, atol=0.02)
