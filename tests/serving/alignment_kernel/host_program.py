"""The kernel's own C++ source as a shared library for this CPU, built by g++."""

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.face import CROP_SIZE_PX, RgbU8
from serving.alignment_kernel.constants import constants_source
from serving.alignment_kernel.formats import OutputFormat, all_formats
from serving.alignment_kernel.frame_table import frame_row, frame_table
from serving.alignment_kernel.source import portable_source

COMPILER: Final = shutil.which("g++")
CANARY: Final = 0xA5
_MARGIN_BYTES: Final = 4096
_HERE: Final = Path(__file__).parent
_FLAGS: Final = (
    *("-std=c++17", "-O1", "-ffp-contract=off", "-fPIC", "-shared", "-Wno-unknown-pragmas"),
    # A float that fits in no int, an index past an array: the process ends at once.
    *("-Wall", "-Wextra", "-Werror", "-fsanitize=undefined", "-fsanitize=float-cast-overflow"),
    "-fsanitize-undefined-trap-on-error",
)


class HostProgram:
    """Calls the kernel's entry points thread by thread."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))

    def align(
        self,
        frames_rgb_u8: Sequence[RgbU8],
        landmarks_px: NDArray[np.float32],
        frame_index: NDArray[np.int32],
        output: OutputFormat,
        *,
        max_taps_per_axis: int = 1,
        backwards: bool = False,
    ) -> tuple[NDArray[np.float32] | NDArray[np.uint16], NDArray[np.bool_]]:
        """Crops and is_face as the kernel writes them; fails where it writes beside them."""
        table = frame_table([_row_of(frame) for frame in frames_rgb_u8])
        landmarks = np.ascontiguousarray(landmarks_px, np.float32)
        faces = len(landmarks)
        num_bytes = faces * 3 * CROP_SIZE_PX**2 * output.pair_bytes // 2
        crops, is_face = _guarded(num_bytes), _guarded(faces)
        getattr(self._library, f"host_{output.kernel_name}")(
            faces,
            int(backwards),
            *(_pointer(array) for array in (table, landmarks, frame_index)),
            len(table),
            max_taps_per_axis,
            *(_pointer(array[_MARGIN_BYTES:]) for array in (crops, is_face)),
        )
        flags = _inside(is_face)
        assert set(flags.tolist()) <= {0, 1}
        return _as_numbers(_inside(crops), output), flags.astype(np.bool_)

    def pack(self, numbers: NDArray[np.float32], output: OutputFormat) -> NDArray[np.uint16]:
        """Pairs (n, 2) rounded to 16 bits as the kernel rounds its last result."""
        pairs = np.empty(numbers.shape, np.uint16)
        run = getattr(self._library, f"host_pack_{output.precision}")
        run(_pointer(numbers), len(numbers), _pointer(pairs))
        return pairs


def build(folder: Path) -> HostProgram:
    """Compile shim, constants, source and loop into one library."""
    assert COMPILER is not None
    entries = "".join(f"HOST_ENTRY({output.kernel_name})\n" for output in all_formats())
    program = (
        (_HERE / "host_shim.hpp").read_text()
        + constants_source()
        + portable_source()
        + (_HERE / "host_run.hpp").read_text()
        + entries
    )
    source, library = folder / "kernel.cpp", folder / "kernel.so"
    source.write_text(program)
    subprocess.run([COMPILER, *_FLAGS, str(source), "-o", str(library)], check=True)
    return HostProgram(library)


def _row_of(frame: RgbU8) -> NDArray[np.int64]:
    height, width, _ = frame.shape
    return frame_row(frame.ctypes.data, height, width, row_bytes=frame.strides[0])


def _pointer(array: NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _guarded(num_bytes: int) -> NDArray[np.uint8]:
    return np.full(num_bytes + 2 * _MARGIN_BYTES, CANARY, np.uint8)


def _inside(guarded: NDArray[np.uint8]) -> NDArray[np.uint8]:
    assert (guarded[:_MARGIN_BYTES] == CANARY).all()
    assert (guarded[-_MARGIN_BYTES:] == CANARY).all()
    return guarded[_MARGIN_BYTES:-_MARGIN_BYTES]


def _as_numbers(
    values: NDArray[np.uint8], output: OutputFormat
) -> NDArray[np.float32] | NDArray[np.uint16]:
    size = CROP_SIZE_PX
    shape = (-1, 3, size, size) if output.layout == "nchw" else (-1, size, size, 3)
    if output.precision == "f32":
        return values.view(np.float32).reshape(shape)
    return values.view(np.uint16).reshape(shape)
