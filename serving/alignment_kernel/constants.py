"""The face contract as CUDA C++: every number that the kernel needs, generated from `data.face`.

Floats are written as hexadecimal literals, so that the compiler reads the very bits meant here.
"""

from typing import Final

import numpy as np

from data.face import CONTRACT_ID, CROP_SIZE_PX, PIXEL_MEAN, PIXEL_SCALE, TEMPLATE_PX
from serving.alignment_kernel.errors import AlignmentKernelError

MIN_SPREAD_PX2: Final = 1e-6
"""Below it the landmarks fall onto one point; as in `data.alignment.estimate_similarity`."""
MIN_CORRELATION: Final = 1e-12
"""Below it the landmarks have no direction in common with the template; as there."""
MAX_SPREAD_PX2: Final = 1e12
"""A face a million pixels wide; beyond it float32 sums overflow; as in `serving.graph`."""
THREADS_PER_BLOCK: Final = 224
"""Seven warps; with two pairs of pixels a thread, 14 blocks cover a crop and no thread idles."""
PAIRS_PER_THREAD: Final = 2
"""Each thread estimates the similarity for itself; four pixels share that cost."""
TAP_TOLERANCE: Final = 0.01
"""So that an even scale which rounding lifted by a hair asks for no further tap."""

BLOCKS_PER_FACE: Final = CROP_SIZE_PX**2 // (2 * PAIRS_PER_THREAD * THREADS_PER_BLOCK)


def constants_source() -> str:
    """C++ definitions of the contract's numbers; `AlignmentKernelError` if one is no float32.

    The template goes in centred, which is how the closed form uses it, with its mean beside it.
    """
    template = TEMPLATE_PX.astype(np.float64)
    centred = template - template.mean(0)
    lines = [
        f"// Generated from the face contract {CONTRACT_ID}; edit data/face.py, not this.",
        _int("CROP_SIZE_PX", CROP_SIZE_PX),
        _int("NUM_LANDMARKS", len(template)),
        _int("THREADS_PER_BLOCK", THREADS_PER_BLOCK),
        _int("PAIRS_PER_THREAD", PAIRS_PER_THREAD),
        _int("BLOCKS_PER_FACE", BLOCKS_PER_FACE),
        _float("PIXEL_MEAN", PIXEL_MEAN),
        _float("PIXEL_SCALE_RECIPROCAL", 1 / PIXEL_SCALE),
        _float("NUM_LANDMARKS_RECIPROCAL", 1 / len(template)),
        _float("TEMPLATE_MEAN_X", template[:, 0].mean()),
        _float("TEMPLATE_MEAN_Y", template[:, 1].mean()),
        _float("MIN_SPREAD_PX2", MIN_SPREAD_PX2),
        _float("MAX_SPREAD_PX2", MAX_SPREAD_PX2),
        _float("MIN_CORRELATION", MIN_CORRELATION),
        _float("TAP_TOLERANCE", TAP_TOLERANCE),
        _template_lookup("template_x", centred[:, 0].tolist()),
        _template_lookup("template_y", centred[:, 1].tolist()),
    ]
    return "\n".join(lines) + "\n"


def _int(name: str, value: int) -> str:
    return f"constexpr int {name} = {value};"


def _float(name: str, value: float) -> str:
    return f"constexpr float {name} = {_literal(value)};"


def _template_lookup(name: str, values: list[float]) -> str:
    # A function with the table inside: NVRTC lets device code read no global constexpr array.
    numbers = ", ".join(_literal(value) for value in values)
    return (
        f"__device__ constexpr float {name}(int landmark) {{\n"
        f"    constexpr float values[NUM_LANDMARKS] = {{{numbers}}};\n"
        f"    return values[landmark];\n}}"
    )


def _literal(value: float) -> str:
    rounded = float(np.float32(value))
    if not np.isfinite(rounded):
        raise AlignmentKernelError(f"{value} is no float32; correct the constant it comes from")
    return f"{rounded.hex()}f"
