"""What a checkpoint holds: named tensors, and how each is shared out over the processes."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class RowShard:
    """Rows of a matrix that is cut over the processes, in the order of ranks."""

    tensor: Tensor
    """(rows here, ...); no rows at all is fine."""
    first_row: int
    """Of the whole matrix."""
    num_rows: int
    """Of the whole matrix."""


@dataclass(frozen=True, slots=True)
class PerRank:
    """Something of each process's own, as the state of a random generator; same shape on all."""

    tensor: Tensor


Value = Tensor | RowShard | PerRank
"""A plain tensor is the same on every process, and the main one writes it."""
State = Mapping[str, Value]
"""Every process has the same names."""


def tensor_of(value: Value) -> Tensor:
    """The tensor that this process holds."""
    return value if isinstance(value, Tensor) else value.tensor
