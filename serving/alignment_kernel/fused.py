"""float32 fused multiply-add in numpy, rounded once, as `fmaf` in C and `FFMA` on a GPU.

The product of two float32 is exact in float64. The sum is rounded to odd, so that the second
rounding, to float32, falls as if it were the only one (Boldo and Melquiond, Emulation of FMA and
correctly rounded sums, 2008).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def fma(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> NDArray[np.float32]:
    """a * b + c of float32 values, broadcast, rounded once to float32, ties to even."""
    product = np.asarray(a, np.float32).astype(np.float64) * np.asarray(b, np.float32)
    addend = np.broadcast_to(np.asarray(c, np.float32).astype(np.float64), np.shape(product))
    total = product + addend
    # Knuth's TwoSum: what the sum lost, exactly.
    part = total - product
    lost = (product - (total - part)) + (addend - part)
    return np.asarray(_to_odd(total, lost)).astype(np.float32)


def _to_odd(total: NDArray[np.float64], lost: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the two float64 around the exact sum, the one whose last bit is 1."""
    bits = np.asarray(total).view(np.int64)
    towards = np.where((lost > 0) == (total > 0), 1, -1)
    inexact = np.isfinite(total) & (lost != 0) & (bits & 1 == 0)
    return np.asarray(np.where(inexact, bits + towards, bits)).view(np.float64)
