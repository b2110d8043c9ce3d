"""What the kernel writes: six entry points, one for each layout and number format."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Layout = Literal["nchw", "nhwc"]
Precision = Literal["f32", "f16", "bf16"]

BYTES_PER_VALUE: Final[dict[Precision, int]] = {"f32": 4, "f16": 2, "bf16": 2}


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """Layout and number format of the crops. All arithmetic before the last rounding is float32."""

    layout: Layout = "nchw"
    """`nchw` (n, 3, 112, 112), `nhwc` (n, 112, 112, 3); red first in both."""
    precision: Precision = "f32"
    """`f16` and `bf16` are rounded to the nearest, ties to even."""

    @property
    def kernel_name(self) -> str:
        """The entry point in the compiled code."""
        return f"align_{self.layout}_{self.precision}"

    @property
    def pair_bytes(self) -> int:
        """Bytes of one store of two values; the crops must begin at a multiple of it."""
        return 2 * BYTES_PER_VALUE[self.precision]


def all_formats() -> list[OutputFormat]:
    """Every format the source has an entry point for."""
    return [
        OutputFormat(layout, precision)
        for layout in get_args(Layout)
        for precision in get_args(Precision)
    ]
