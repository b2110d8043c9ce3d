"""The fused multiply-add against exact rational arithmetic."""

from fractions import Fraction

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from serving.alignment_kernel.fused import fma

moderate = st.floats(-1e9, 1e9, width=32, allow_subnormal=False).filter(
    lambda value: value == 0 or abs(value) > 1e-9
)


def _neighbours(value: np.float32) -> list[Fraction]:
    around = (np.nextafter(value, np.float32(-np.inf)), np.nextafter(value, np.float32(np.inf)))
    return [Fraction(float(number)) for number in around]


@given(moderate, moderate, moderate)
@example(1 + 2**-12, 1 + 2**-12, -(2.0**-30))
@example(float(np.float32(1 + 2**-23)), 1.0, 2.0**-24)
@example(3.0, -3.0, 9.0)
def test_is_rounded_once(a: float, b: float, c: float) -> None:
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    got = np.float32(fma(a, b, c))
    error = abs(Fraction(float(got)) - exact)
    below, above = _neighbours(got)
    assert error <= min(abs(below - exact), abs(above - exact))
    if error == min(abs(below - exact), abs(above - exact)) and error:
        assert got.view(np.int32) % 2 == 0


def test_is_not_rounded_twice() -> None:
    """1 + 2^-23 + 2^-24 - 2^-60 lies below a tie; float64 drops the last term and makes it one."""
    a, b = np.float32(2**-12 * (1 + 2**-18)), np.float32(2**-12 * (1 - 2**-18))
    c = np.float32(1 + 2**-23)
    twice = np.float32(float(a) * float(b) + float(c))
    assert np.float32(fma(a, b, c)) == c
    assert twice > c


def test_broadcasts() -> None:
    assert fma(np.ones((3, 1)), np.ones(4), 1.0).tolist() == [[2.0] * 4] * 3
