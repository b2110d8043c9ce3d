"""From a trained network to ONNX, node by node, without a tracer.

An iResNet has six kinds of layers. Written by hand, equal weights make equal bytes, the names are
those of the checkpoint, and no source path of the training machine gets in.
"""

from typing import Final, cast

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from data.face import CROP_SIZE_PX
from training.network.iresnet import IResBlock, IResNet

OPSET: Final = 20
INPUT_NAME: Final = "crop"
OUTPUT_NAME: Final = "embedding"
_NORM_INPUTS: Final = ("weight", "bias", "running_mean", "running_var")
"""In the order that ONNX wants them."""


def export_embedder(model: IResNet) -> onnx.ModelProto:
    """Write the network as it is in inference: `crop` to `embedding`, float32, any batch.

    `crop` is (batch, 3, 112, 112) in [-1, 1], RGB; `embedding` (batch, d) is raw, as the network
    gives it. Opset 20, standard ops only.
    """
    graph = _GraphWriter()
    hidden = graph.conv("conv1", model.conv1, INPUT_NAME)
    hidden = graph.norm("bn1", model.bn1, hidden)
    hidden = graph.prelu("prelu", model.prelu, hidden)
    for number in (1, 2, 3, 4):
        stage = getattr(model, f"layer{number}")
        for index, block in enumerate(stage):
            hidden = _write_block(graph, f"layer{number}.{index}", block, hidden)
    hidden = graph.norm("bn2", model.bn2, hidden)
    hidden = graph.add("flatten", "Flatten", [hidden], axis=1)
    hidden = graph.linear("fc", model.fc, hidden)
    graph.norm("features", model.features, hidden, output=OUTPUT_NAME)
    return graph.model(model.config.embedding_dim)


def _write_block(graph: "_GraphWriter", name: str, block: IResBlock, source: str) -> str:
    hidden = graph.norm(f"{name}.bn1", block.bn1, source)
    hidden = graph.conv(f"{name}.conv1", block.conv1, hidden)
    hidden = graph.norm(f"{name}.bn2", block.bn2, hidden)
    hidden = graph.prelu(f"{name}.prelu", block.prelu, hidden)
    hidden = graph.conv(f"{name}.conv2", block.conv2, hidden)
    hidden = graph.norm(f"{name}.bn3", block.bn3, hidden)
    if block.downsample is not None:
        conv = cast("nn.Conv2d", block.downsample[0])
        norm = cast("nn.BatchNorm2d", block.downsample[1])
        source = graph.norm(
            f"{name}.downsample.1", norm, graph.conv(f"{name}.downsample.0", conv, source)
        )
    return graph.add(f"{name}.add", "Add", [hidden, source])


class _GraphWriter:
    """Gathers nodes and weights; a node's output has the name of its layer."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._weights: list[TensorProto] = []

    def add(
        self,
        name: str,
        op: str,
        inputs: list[str],
        output: str | None = None,
        **attributes: float | list[int],
    ) -> str:
        output = output or name
        node = helper.make_node(op, inputs, [output], name=name)
        node.attribute.extend(helper.make_attribute(key, attributes[key]) for key in attributes)
        self._nodes.append(node)
        return output

    def conv(self, name: str, layer: nn.Conv2d, source: str) -> str:
        weight = self._weight(f"{name}.weight", layer.weight)
        pad = int(layer.padding[0])
        return self.add(
            name,
            "Conv",
            [source, weight],
            kernel_shape=list(layer.kernel_size),
            strides=list(layer.stride),
            pads=[pad] * 4,
        )

    def norm(
        self,
        name: str,
        layer: nn.BatchNorm1d | nn.BatchNorm2d,
        source: str,
        output: str | None = None,
    ) -> str:
        values = layer.state_dict()
        inputs = [self._weight(f"{name}.{key}", values[key]) for key in _NORM_INPUTS]
        return self.add(name, "BatchNormalization", [source, *inputs], output, epsilon=layer.eps)

    def prelu(self, name: str, layer: nn.PReLU, source: str) -> str:
        slope = self._weight(f"{name}.weight", layer.weight.view(-1, 1, 1))
        return self.add(name, "PRelu", [source, slope])

    def linear(self, name: str, layer: nn.Linear, source: str) -> str:
        weight = self._weight(f"{name}.weight", layer.weight)
        bias = self._weight(f"{name}.bias", layer.bias)
        return self.add(name, "Gemm", [source, weight, bias], transB=1)

    def model(self, embedding_dim: int) -> onnx.ModelProto:
        crop: list[int | str] = ["batch", 3, CROP_SIZE_PX, CROP_SIZE_PX]
        embedding: list[int | str] = ["batch", embedding_dim]
        graph = helper.make_graph(
            self._nodes,
            "iresnet",
            [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, crop)],
            [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, embedding)],
            initializer=self._weights,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            graph,
            producer_name="examgate",
            opset_imports=opsets,
            ir_version=helper.find_min_ir_version_for(opsets),
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def _weight(self, name: str, value: Tensor) -> str:
        array = value.detach().cpu().numpy().astype(np.float32)
        self._weights.append(numpy_helper.from_array(array, name))
        return name
