"""A small builder for a piece of an ONNX graph: it names the values, so a formula reads as one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper


class GraphPart:
    """Nodes and constants whose names share a prefix and are counted up."""

    def __init__(self, prefix: str) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._prefix = prefix

    def op(
        self,
        op_type: str,
        inputs: list[str],
        output: str | None = None,
        **attributes: int | str | list[int],
    ) -> str:
        """Add a node and return the name of its output."""
        name = f"{self._prefix}{op_type}_{len(self.nodes)}"
        output = output or name
        node = helper.make_node(op_type, inputs, [output], name=name)
        node.attribute.extend(helper.make_attribute(key, attributes[key]) for key in attributes)
        self.nodes.append(node)
        return output

    def constant(self, name: str, values: NDArray[np.float64]) -> str:
        """Add a float32 constant and return its name."""
        return self._add(name, values.astype(np.float32))

    def scalar(self, value: float) -> str:
        """Add a float32 scalar and return its name."""
        return self._add("scalar", np.array(value, np.float32))

    def shape(self, *values: int) -> str:
        """Add an int64 vector (a shape, axes or indices) and return its name."""
        return self._add("ints", np.array(values, np.int64))

    def _add(self, name: str, values: NDArray[Any]) -> str:
        full = f"{self._prefix}{name}_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, full))
        return full
