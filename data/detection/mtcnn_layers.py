"""MTCNN's three networks (Zhang et al. 2016) as ONNX graphs; needed to build, not to serve.

Two things are folded into the weights: the two-way softmax becomes a sigmoid of the difference, and
the dense layer behind a convolution takes its output in channel, row, column order, where the
package `mtcnn` flattens it in column, row, channel order.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from data.errors import WeightsError

F32 = NDArray[np.float32]

_IR_VERSION: Final = 9
_OPSET: Final = 17


class _Network:
    """A graph under construction. Each layer follows the last one and takes its own weights."""

    def __init__(self, weights: list[F32]) -> None:
        self._weights = iter(weights)
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self.value = "image"
        """Name of the value that the next layer reads."""
        self._scale_image()

    def _take(self) -> F32:
        array = next(self._weights, None)
        if array is None:
            raise WeightsError("the weight file holds too few arrays")
        return array

    def _constant(self, array: NDArray[np.generic]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _add(
        self, operator: str, *constants: NDArray[np.generic], **attributes: int | list[int]
    ) -> None:
        inputs = [self.value, *map(self._constant, constants)]
        self.value = f"value_{len(self._nodes)}"
        node = helper.make_node(operator, inputs, [self.value])
        node.attribute.extend(helper.make_attribute(*item) for item in sorted(attributes.items()))
        self._nodes.append(node)

    def _scale_image(self) -> None:
        self._add("Cast", to=TensorProto.FLOAT)
        self._add("Sub", np.array([127.5], np.float32))
        self._add("Div", np.array([128], np.float32))
        self._add("Transpose", perm=[0, 3, 1, 2])

    def convolve(self) -> None:
        """A convolution without padding and its PReLU."""
        self._add("Conv", self._take().transpose(3, 2, 0, 1), self._take())
        self._add("PRelu", self._take().reshape(-1, 1, 1))

    def pool(self, side: int, *, overhang: bool) -> None:
        """Maxima at stride 2; `overhang` keeps a last window that reaches beyond the edge."""
        self._add("MaxPool", kernel_shape=[side] * 2, strides=[2] * 2, ceil_mode=int(overhang))

    def dense(self, side: int) -> None:
        """Flatten (side, side) maps into a dense layer and its PReLU."""
        kernel = self._take()
        by_column = kernel.reshape(side, side, -1, kernel.shape[-1])
        self._add("Flatten", axis=1)
        self._add("Gemm", by_column.transpose(2, 1, 0, 3).reshape(kernel.shape), self._take())
        self._add("PRelu", self._take())

    def head(self, name: str, trunk: str, *, convolution: bool = False) -> None:
        """An output straight from the value `trunk`; `face` is a probability."""
        kernel, bias = self._take(), self._take()
        if name == "face":
            kernel, bias = kernel[..., 1:] - kernel[..., :1], bias[1:] - bias[:1]
        self.value = trunk
        if convolution:
            self._add("Conv", kernel.transpose(3, 2, 0, 1), bias)
        else:
            self._add("Gemm", kernel, bias)
        if name == "face":
            self._add("Sigmoid")
            self._add("Squeeze", np.array([1], np.int64))
        elif convolution:
            self._add("Transpose", perm=[0, 2, 3, 1])
        self._nodes[-1].output[0] = name

    def model(self, name: str, shapes: dict[str, list[str | int]]) -> ModelProto:
        """The finished graph; `shapes` names input and outputs, the input first."""
        if next(self._weights, None) is not None:
            raise WeightsError("the weight file holds too many arrays")
        image, *outputs = (
            helper.make_tensor_value_info(
                key, TensorProto.UINT8 if key == "image" else TensorProto.FLOAT, shape
            )
            for key, shape in shapes.items()
        )
        model = helper.make_model(
            helper.make_graph(self._nodes, name, [image], outputs, self._constants),
            producer_name="examgate",
            ir_version=_IR_VERSION,
            opset_imports=[helper.make_opsetid("", _OPSET)],
        )
        checker.check_model(model, full_check=True)
        return model


def _pnet(weights: list[F32]) -> ModelProto:
    network = _Network(weights)
    network.convolve()
    network.pool(2, overhang=True)
    network.convolve()
    network.convolve()
    trunk = network.value
    network.head("box_offsets", trunk, convolution=True)
    network.head("face", trunk, convolution=True)
    shapes: dict[str, list[str | int]] = {
        "image": ["n", "height", "width", 3],
        "face": ["n", "rows", "columns"],
        "box_offsets": ["n", "rows", "columns", 4],
    }
    return network.model("pnet", shapes)


def _rnet(weights: list[F32]) -> ModelProto:
    network = _Network(weights)
    network.convolve()
    network.pool(3, overhang=True)
    network.convolve()
    network.pool(3, overhang=False)
    network.convolve()
    network.dense(side=3)
    trunk = network.value
    network.head("box_offsets", trunk)
    network.head("face", trunk)
    shapes: dict[str, list[str | int]] = {
        "image": ["n", 24, 24, 3],
        "face": ["n"],
        "box_offsets": ["n", 4],
    }
    return network.model("rnet", shapes)


def _onet(weights: list[F32]) -> ModelProto:
    network = _Network(weights)
    network.convolve()
    network.pool(3, overhang=True)
    network.convolve()
    network.pool(3, overhang=False)
    network.convolve()
    network.pool(2, overhang=True)
    network.convolve()
    network.dense(side=3)
    trunk = network.value
    network.head("box_offsets", trunk)
    network.head("landmarks", trunk)
    network.head("face", trunk)
    shapes: dict[str, list[str | int]] = {
        "image": ["n", 48, 48, 3],
        "face": ["n"],
        "box_offsets": ["n", 4],
        "landmarks": ["n", 10],
    }
    return network.model("onet", shapes)


NETWORKS: Final[dict[str, Callable[[list[F32]], ModelProto]]] = {
    "pnet": _pnet,
    "rnet": _rnet,
    "onet": _onet,
}
"""Name of each network and how its graph is built from its arrays."""
