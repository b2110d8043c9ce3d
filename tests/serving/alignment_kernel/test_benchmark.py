"""What the benchmark compares the kernel with does the same work; it is proved on the CPU."""

import numpy as np
import pytest
import torch

from benchmarks import alignment_kernel as benchmark
from serving.alignment_kernel.formats import OutputFormat, Precision
from serving.alignment_kernel.reference import align_faces
from serving.alignment_kernel.rounding import store


def test_pytorch_route_is_within_a_grey_level_of_the_kernel() -> None:
    frames, landmarks, index = benchmark.drawn_batch(8, 300)
    expected, is_face = align_faces(frames, landmarks, index)
    got = benchmark.grid_sample_route(
        torch.from_numpy(np.stack(frames)), torch.from_numpy(landmarks[None]), torch.float32
    )
    assert is_face.all()
    assert np.abs(got.numpy() - expected.transpose(0, 3, 1, 2)).max() <= 1 / 127.5


def test_faces_lie_in_their_frames_and_are_as_large_as_said() -> None:
    frames, landmarks, index = benchmark.drawn_batch(17, 224)
    assert len(frames) == 3
    assert index.tolist() == [0] * 8 + [1] * 8 + [2]
    assert (landmarks > 0).all()
    assert (landmarks < np.array(benchmark.FRAME_HW[::-1])).all()
    crops, _ = align_faces(frames, landmarks[:1], index[:1])
    assert (crops[0] > -1).mean() > 0.99  # noise is black once in 256 levels, outside always


@pytest.mark.parametrize("precision", ["f32", "f16", "bf16"])
def test_staged_batch_names_its_tensors(precision: Precision) -> None:
    output = OutputFormat("nhwc", precision)
    staged = benchmark.stage(*benchmark.drawn_batch(3, 100), output, device="cpu")
    assert staged.table.tolist()[0][1:] == [1080, 1920, 5760]
    assert staged.table.tolist()[0][0] == staged.frames[0].data_ptr()
    assert staged.batch.crops == staged.crops.data_ptr()
    bits = benchmark.bits_of(staged.crops)
    assert bits.dtype == store(np.zeros((1, 1, 1, 3), np.float32), output).dtype


def test_floor_counts_each_byte_once() -> None:
    assert benchmark.floor_us(2, 112, "f16", 1e9) == pytest.approx(2 * 112**2 * 9 * 1e-3)
