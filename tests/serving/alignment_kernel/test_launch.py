"""What of a launch can be proved without a GPU: its guards, its arguments, the missing package."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from serving.alignment_kernel.errors import KernelArgumentError, KernelPackageMissingError
from serving.alignment_kernel.formats import OutputFormat
from serving.alignment_kernel.frame_table import frame_row, frame_table
from serving.alignment_kernel.launch import (
    MAX_FACES,
    AlignmentKernel,
    DeviceBatch,
    arguments,
    check_launch,
)

BATCH = DeviceBatch(
    num_frames=2,
    num_faces=3,
    frames=0x1000,
    landmarks_px=0x2004,
    frame_index=0x3004,
    crops=0x4008,
    is_face=0x5001,
)


def test_a_sound_launch_passes() -> None:
    check_launch(BATCH, OutputFormat("nchw", "f32"), 4)
    check_launch(replace(BATCH, crops=0x4004), OutputFormat("nhwc", "f16"), 1)
    check_launch(replace(BATCH, frames=0, num_frames=0), OutputFormat(), 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_faces": 0}, "0 faces"),
        ({"num_faces": MAX_FACES + 1}, "cut larger batches"),
        ({"num_frames": -1}, "-1 frames"),
        ({"frames": 0x1004}, "frames lies at 0x1004"),
        ({"landmarks_px": 0x2002}, "landmarks_px"),
        ({"frame_index": 0}, "frame_index"),
        ({"crops": 0x4004}, "crops lies at 0x4004.*that 8 divides"),
        ({"is_face": 0}, "is_face"),
    ],
)
def test_an_unsound_launch_is_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(KernelArgumentError, match=message):
        check_launch(replace(BATCH, **change), OutputFormat("nchw", "f32"), 1)


@pytest.mark.parametrize("taps", [0, 17])
def test_taps_out_of_range_are_refused(taps: int) -> None:
    with pytest.raises(KernelArgumentError, match="max_taps_per_axis"):
        check_launch(BATCH, OutputFormat(), taps)


def test_arguments_stand_in_the_kernels_order_and_width() -> None:
    got = arguments(BATCH, 4)
    assert got == (0x1000, 0x2004, 0x3004, 2, 4, 0x4008, 0x5001)
    assert [type(value) for value in got] == [int, int, int, np.int32, np.int32, int, int]


def test_without_cuda_core_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda.core", None)
    with pytest.raises(KernelPackageMissingError, match=r"examgate\[gpu\]"):
        AlignmentKernel(OutputFormat())


def test_frame_table_has_a_row_for_each_frame() -> None:
    rows = [frame_row(0x100, 4, 5), frame_row(0x200, 6, 7, row_bytes=64)]
    assert frame_table(rows).tolist() == [[0x100, 4, 5, 15], [0x200, 6, 7, 64]]
    assert frame_table([]).shape == (0, 4)


@pytest.mark.parametrize(
    ("address", "height", "width", "row_bytes"),
    [(0, 4, 5, None), (1, 0, 5, None), (1, 4, 2**24 + 1, None), (1, 4, 5, 14)],
)
def test_a_frame_that_is_none_is_refused(
    address: int, height: int, width: int, row_bytes: int | None
) -> None:
    with pytest.raises(KernelArgumentError, match="frame"):
        frame_row(address, height, width, row_bytes)
