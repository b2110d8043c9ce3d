"""The last step of the kernel in numpy: layout and number format of the crops."""

import numpy as np
from numpy.typing import NDArray

from serving.alignment_kernel.formats import OutputFormat


def store(
    crops: NDArray[np.float32], output: OutputFormat
) -> NDArray[np.float32] | NDArray[np.uint16]:
    """Crops (n, 112, 112, 3) in the format's layout; 16-bit numbers as their bits, in uint16."""
    ordered = crops.transpose(0, 3, 1, 2) if output.layout == "nchw" else crops
    ordered = np.ascontiguousarray(ordered)
    if output.precision == "f32":
        return ordered
    if output.precision == "f16":
        return ordered.astype(np.float16).view(np.uint16)
    bits = ordered.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
