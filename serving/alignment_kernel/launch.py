"""Loads the kernel onto a GPU and launches it through cuda-core. *Designed, not run*.

`AlignmentKernel` compiles and loads when it is made; `launch` allocates nothing on the device and
waits for nothing, so it can be captured in a CUDA graph. The addresses that a graph captured are
those it replays with: keep the buffers, and fill rows without a face with `EMPTY_ROW`.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import numpy as np

from serving.alignment_kernel.budget import budget_of, check_budget
from serving.alignment_kernel.compile import compile_kernel
from serving.alignment_kernel.constants import BLOCKS_PER_FACE, THREADS_PER_BLOCK
from serving.alignment_kernel.errors import KernelArgumentError, KernelPackageMissingError
from serving.alignment_kernel.formats import OutputFormat

MAX_FACES: Final = 65_535
"""The most blocks that CUDA allows in a grid's second direction."""
MAX_TAPS_PER_AXIS: Final = 16
"""Enough for a face 32 times the template's size; each doubling costs four times the reads."""


@dataclass(frozen=True, slots=True)
class DeviceBatch:
    """Where one batch lies on the device. Whoever made the buffers keeps them alive."""

    num_frames: int
    """Rows of the frame table."""
    num_faces: int
    """Rows of landmarks, indices, crops and flags; at least 1."""
    frames: int
    """Address of `frame_table.frame_table`: int64 (num_frames, 4)."""
    landmarks_px: int
    """Address of float32 (num_faces, 5, 2), in pixels of the face's frame."""
    frame_index: int
    """Address of int32 (num_faces,): a row of the frame table, or `EMPTY_ROW`."""
    crops: int
    """Address of the output, (num_faces, 3, 112, 112) or (num_faces, 112, 112, 3)."""
    is_face: int
    """Address of the output uint8 (num_faces,): 0 where the landmarks span no face."""


class AlignmentKernel:
    """The kernel of one output format on one device."""

    def __init__(self, output: OutputFormat, device_id: int = 0) -> None:
        """Compile for the device, hold the code to its budget, load it.

        Raises `KernelPackageMissingError`, `KernelCompileError` or `KernelBudgetError`.
        """
        self._core = _load_cuda_core()
        device = self._core.Device(device_id)
        device.set_current()
        cubin = compile_kernel(int(device.arch))
        check_budget(cubin, budget_of(cubin.architecture))
        self._kernel = self._core.ObjectCode.from_cubin(cubin.code).get_kernel(output.kernel_name)
        self.output = output

    def launch(self, stream: Any, batch: DeviceBatch, max_taps_per_axis: int = 1) -> None:  # noqa: ANN401 - cuda-core's
        """Put one launch on a cuda-core `Stream`, or into the graph of a `GraphBuilder`.

        `max_taps_per_axis` above 1 averages large faces over each crop pixel's footprint. The
        driver may load code at the first launch: launch once before capturing a graph.
        Raises `KernelArgumentError`; what goes wrong on the device shows when the stream is synced.
        """
        check_launch(batch, self.output, max_taps_per_axis)
        config = self._core.LaunchConfig(
            grid=(BLOCKS_PER_FACE, batch.num_faces), block=THREADS_PER_BLOCK
        )
        self._core.launch(stream, config, self._kernel, *arguments(batch, max_taps_per_axis))


def arguments(batch: DeviceBatch, max_taps_per_axis: int) -> tuple[int | np.int32, ...]:
    """The kernel's parameters in order; cuda-core takes an int as an address."""
    return (
        *(batch.frames, batch.landmarks_px, batch.frame_index),
        *(np.int32(batch.num_frames), np.int32(max_taps_per_axis)),
        *(batch.crops, batch.is_face),
    )


def check_launch(batch: DeviceBatch, output: OutputFormat, max_taps_per_axis: int) -> None:
    """Raise `KernelArgumentError` for a launch that CUDA would refuse or that would misread."""
    if not 1 <= batch.num_faces <= MAX_FACES:
        raise KernelArgumentError(
            f"{batch.num_faces} faces in one launch; give 1 to {MAX_FACES} and cut larger batches"
        )
    if not 0 <= batch.num_frames < 2**31:
        raise KernelArgumentError(f"{batch.num_frames} frames; count the rows of the frame table")
    if not 1 <= max_taps_per_axis <= MAX_TAPS_PER_AXIS:
        raise KernelArgumentError(
            f"max_taps_per_axis is {max_taps_per_axis}; give 1 to {MAX_TAPS_PER_AXIS}"
        )
    multiples = {"landmarks_px": 4, "frame_index": 4, "crops": output.pair_bytes, "is_face": 1}
    if batch.num_frames:
        multiples["frames"] = 8
    for name, multiple in multiples.items():
        address = getattr(batch, name)
        if address <= 0 or address % multiple:
            raise KernelArgumentError(
                f"{name} lies at {address:#x}; give a device address that {multiple} divides"
            )


def _load_cuda_core() -> ModuleType:
    try:
        import cuda.core
    except ImportError as error:
        raise KernelPackageMissingError(
            "cuda-core is missing; install the `gpu` extra: pip install 'examgate[gpu]'"
        ) from error
    module: ModuleType = cuda.core
    return module
