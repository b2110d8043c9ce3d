"""The kernel on a GPU against the numpy reference, bit for bit. *Designed, not run* so far."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmarks.alignment_kernel import Staged, bits_of, drawn_batch, stage
from data.face import TEMPLATE_PX
from serving.alignment_kernel.formats import OutputFormat, all_formats
from serving.alignment_kernel.frame_table import EMPTY_ROW
from serving.alignment_kernel.launch import AlignmentKernel
from serving.alignment_kernel.reference import align_faces
from serving.alignment_kernel.rounding import store
from tests.serving.alignment_kernel.faces import NOT_FACES

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device: the alignment kernel is not launched"
)


def _frames() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(1)
    shapes = [(240, 320), (1, 1), (1080, 1920), (50, 3)]
    return [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]


def _hard_faces() -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Faces of every size and turn, mirrored and outside, among landmarks that are none."""
    rng = np.random.default_rng(2)
    scales = 10 ** rng.uniform(-2, 1.2, (60, 1, 1))
    turns = rng.uniform(-np.pi, np.pi, 60)
    turn = np.stack([np.cos(turns), -np.sin(turns), np.sin(turns), np.cos(turns)], -1)
    shapes = (TEMPLATE_PX - 56) * rng.choice([[-1, 1], [1, 1]], 60)[:, None]
    shifts = rng.uniform(-300, 1500, (60, 1, 2))
    some = scales * (shapes @ turn.reshape(-1, 2, 2)) + shifts
    landmarks = np.concatenate([some, np.stack(list(NOT_FACES.values()))]).astype(np.float32)
    index = rng.integers(-1, 5, len(landmarks)).astype(np.int32)
    return landmarks, index


def _check(staged: Staged, output: OutputFormat, taps: int = 1) -> None:
    frames = [frame.cpu().numpy() for frame in staged.frames]
    landmarks, index = staged.landmarks.cpu().numpy(), staged.index.cpu().numpy()
    crops, is_face = align_faces(frames, landmarks, index, taps)
    np.testing.assert_array_equal(bits_of(staged.crops), store(crops, output))
    assert staged.is_face.cpu().numpy().tolist() == is_face.tolist()


@pytest.mark.parametrize("taps", [1, 4])
@pytest.mark.parametrize("output", all_formats(), ids=lambda output: output.kernel_name)
def test_crops_are_the_references_to_the_bit(output: OutputFormat, taps: int) -> None:
    from cuda.core import Device

    staged = stage(_frames(), *_hard_faces(), output)
    torch.cuda.synchronize()
    kernel, stream = AlignmentKernel(output), Device().create_stream()
    kernel.launch(stream, staged.batch, taps)
    stream.sync()
    _check(staged, output, taps)


def test_a_captured_graph_sees_new_faces_and_empty_rows() -> None:
    from cuda.core import Device

    output = OutputFormat("nchw", "f16")
    staged = stage(*drawn_batch(8, 150), output)
    torch.cuda.synchronize()
    kernel, stream = AlignmentKernel(output), Device().create_stream()
    kernel.launch(stream, staged.batch)
    builder = stream.create_graph_builder().begin_building()
    kernel.launch(builder, staged.batch)
    graph = builder.end_building().complete()
    staged.landmarks.add_(7)
    staged.index[5:] = EMPTY_ROW
    staged.crops.zero_()
    torch.cuda.synchronize()
    graph.launch(stream)
    stream.sync()
    _check(staged, output)
