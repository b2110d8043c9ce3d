"""Which graphs a bundle may carry: standard operators, one file, no control flow.

An engine runs what a graph says, with the rights of the server. Operators of other domains are
native code of the engine or of a library that the file makes it load; external data is a path that
the engine opens; control flow and random numbers have no place in an embedder or a detector. So
what is allowed is listed, and everything else refused, before an engine sees the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from serving.errors import BundleGraphError
from serving.onnx_check.fields import MESSAGES
from serving.onnx_check.wire import Value, WireError, read_fields

STANDARD_DOMAINS: Final = frozenset({"", "ai.onnx"})
"""Two names of one domain."""
MIN_OPSET: Final = 9
"""Of the oldest detector of the catalogue."""
MAX_OPSET: Final = 23
ALLOWED_OPS: Final = frozenset(
    """
    Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast CastLike Ceil Clip Concat
    Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos DepthToSpace DequantizeLinear Div
    DynamicQuantizeLinear Elu Equal Erf Exp Expand Flatten Floor Gather GatherElements
    GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GridSample
    GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization IsInf IsNaN
    LayerNormalization LeakyRelu Less LessOrEqual Log LpNormalization MatMul MatMulInteger Max
    MaxPool Mean Min Mish Mod Mul Neg Not Or PRelu Pad Pow QLinearConv QLinearMatMul
    QuantizeLinear Range Reciprocal ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare Relu Reshape Resize Round ScatterElements ScatterND Selu Shape
    Sigmoid Sign Sin Size Slice Softmax Softplus SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Tile
    TopK Transpose Trilu Unsqueeze Upsample Where Xor
    """.split()  # noqa: SIM905 - one word to a line would be three screens
)
"""Deterministic, without control flow, text and random numbers: what networks on images are made
of. One more is one word more here, after somebody has read what it does."""
_BUILD_AGAIN: Final = "build the bundle from a graph without it"


@dataclass(slots=True)
class GraphFacts:
    """What a graph was found to be made of."""

    opset: int = 0
    ops: set[str] = field(default_factory=set)
    num_nodes: int = 0


def check_graph(content: bytes, name: str) -> GraphFacts:
    """Walk an ONNX file and refuse what a bundle must not carry; `name` is what errors call it.

    Raises `BundleGraphError` for bytes that are no ONNX file, another opset or domain, an operator
    that is not listed, functions, control flow, external data, and fields that ONNX does not have.
    """
    facts = GraphFacts()
    try:
        _walk("model", memoryview(content), facts)
    except (WireError, UnicodeDecodeError) as error:
        raise BundleGraphError(
            f"{name} is no ONNX file: {error}; build the bundle again"
        ) from error
    except _RefusedError as error:
        raise BundleGraphError(f"{name} {error}; {_BUILD_AGAIN}") from error
    if not facts.opset or not facts.num_nodes:
        raise BundleGraphError(
            f"{name} holds no nodes, or names no opset; build the bundle again from an ONNX model"
        )
    return facts


class _RefusedError(Exception):
    """What a graph holds that it must not."""


def _walk(kind: str, message: memoryview, facts: GraphFacts) -> None:
    layout = MESSAGES[kind]
    judged: dict[str, str | int] = {}
    for number, value, has_length in read_fields(message):
        if number in layout.plain:
            continue
        if number in layout.refused:
            raise _RefusedError(f"holds {layout.refused[number]}")
        if number in layout.nested:
            _walk(layout.nested[number], _bytes_of(value, has_length), facts)
        elif number in layout.texts:
            text = bytes(_bytes_of(value, has_length)).decode()
            _keep_once(judged, layout.texts[number], text)
        elif number in layout.counts:
            _keep_once(judged, layout.counts[number], _number_of(value))
        else:
            raise _RefusedError(f"has a field {number} in a {kind}, which ONNX does not know")
    _judge(kind, judged, facts)


def _bytes_of(value: Value, has_length: bool) -> memoryview:
    if isinstance(value, int) or not has_length:
        raise WireError("a number stands where a message or a text belongs")
    return value


def _number_of(value: Value) -> int:
    if not isinstance(value, int):
        raise WireError("a message or a text stands where a number belongs")
    return value


def _keep_once(judged: dict[str, str | int], name: str, value: str | int) -> None:
    # Readers take the last of several; one that took the first would run what nobody checked.
    if name in judged:
        raise _RefusedError(f"says its {name} twice")
    judged[name] = value


def _judge(kind: str, judged: Mapping[str, str | int], facts: GraphFacts) -> None:
    if kind == "node":
        _judge_node(judged, facts)
    elif kind == "opset":
        _judge_opset(judged, facts)
    elif kind == "tensor" and judged.get("data_location", 0) != 0:
        raise _RefusedError("holds weights in a file of their own (external data)")


def _judge_node(judged: Mapping[str, str | int], facts: GraphFacts) -> None:
    op, domain = str(judged.get("op_type", "")), str(judged.get("domain", ""))
    if domain not in STANDARD_DOMAINS:
        raise _RefusedError(f"holds the operator {op!r} of the domain {domain!r}")
    if op not in ALLOWED_OPS:
        raise _RefusedError(f"holds the operator {op!r}, which is not allowed in a bundle")
    facts.ops.add(op)
    facts.num_nodes += 1


def _judge_opset(judged: Mapping[str, str | int], facts: GraphFacts) -> None:
    domain, version = str(judged.get("domain", "")), int(judged.get("version", 0))
    if domain not in STANDARD_DOMAINS:
        raise _RefusedError(f"imports the operators of the domain {domain!r}")
    if facts.opset:
        raise _RefusedError("imports the standard operators twice")
    if not MIN_OPSET <= version <= MAX_OPSET:
        raise _RefusedError(f"has opset {version}, allowed are {MIN_OPSET} to {MAX_OPSET}")
    facts.opset = version
