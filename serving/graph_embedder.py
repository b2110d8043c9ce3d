"""Makes an embedder from anywhere fit to be a part of `embed.onnx`.

Exporters differ: other opsets, a batch fixed to 1, stack traces with the paths of somebody's
machine. What comes out has one opset, no such traces, and any batch where that can be shown to
give the same numbers as the model that came in.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import (
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    compose,
    helper,
    inliner,
    numpy_helper,
    version_converter,
)
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from data.face import CROP_SIZE_PX
from serving.errors import GraphError

OPSET: Final = 20
"""The first in which GridSample says `linear`; an embedder of a later opset lifts the graph."""
MAX_BATCH: Final = 64
_PROBES: Final = 3
_TOLERANCE: Final = 1e-4
"""Largest difference between a batch and its single crops, as a share of the embedding's length."""

_STANDARD_DOMAINS: Final = {"", "ai.onnx"}
_RUNTIME_ERRORS: Final = (
    ort_errors.EPFail,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)

Crops = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Embedder:
    """An embedder whose names start with `embedder/`."""

    model: ModelProto
    input_name: str
    output_name: str
    opset: int
    dim: int
    max_batch: int


def prepare_embedder(model: ModelProto) -> Embedder:
    """Bring an embedder to one opset and, where possible, to any batch.

    It takes one float32 input (batch, 3, 112, 112) and gives one output of `dim` numbers a crop.
    Raises `GraphError` where it does not, uses other than standard ops, or cannot be converted.
    """
    _check_signature(model)
    probes = _probe_crops()
    plain = _plain(model)
    expected = _run_single(model, probes)
    if not _agree(_run_single(plain, probes), expected):
        raise GraphError(
            f"conversion from opset {_opset(model)} changes the embedder; export it with {OPSET}"
        )
    opened = make_batch_dynamic(plain)
    batches = _agree(_run_batch(opened, probes), expected)
    chosen = compose.add_prefix(opened if batches else plain, "embedder/")
    return Embedder(
        model=chosen,
        input_name=_true_inputs(chosen)[0].name,
        output_name=chosen.graph.output[0].name,
        opset=_opset(chosen),
        dim=expected.shape[1],
        max_batch=MAX_BATCH if batches else 1,
    )


def make_batch_dynamic(model: ModelProto) -> ModelProto:
    """Return a copy with an open batch: in the signature, and where a Reshape writes down a 1.

    Whether the copy computes the same is for the caller to check.
    """
    opened = ModelProto()
    opened.CopyFrom(model)
    graph = opened.graph
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
    constants = _constants(opened)
    for index, node in enumerate(graph.node):
        target = constants.get(node.input[1]) if node.op_type == "Reshape" else None
        if target is not None and target.size > 1 and target[0] == 1:
            name = f"open_batch_{index}"
            as_in_the_input = 0  # ONNX: a zero in a shape copies that dimension
            shape = np.array([as_in_the_input, *target[1:]], np.int64)
            graph.initializer.append(numpy_helper.from_array(shape, name))
            node.input[1] = name
    return opened


def _constants(model: ModelProto) -> dict[str, NDArray[Any]]:
    found = {c.name: c for c in model.graph.initializer}
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                found[node.output[0]] = attribute.t
    return {name: numpy_helper.to_array(tensor) for name, tensor in found.items()}


def _check_signature(model: ModelProto) -> None:
    inputs = _true_inputs(model)
    fits = len(inputs) == 1 and inputs[0].type.tensor_type.elem_type == TensorProto.FLOAT
    if not fits or not _is_crop(inputs[0]):
        names = ", ".join(value.name for value in inputs) or "nothing"
        raise GraphError(
            f"the embedder takes {names}, not one float32 crop [batch, 3, {CROP_SIZE_PX}, "
            f"{CROP_SIZE_PX}]; export it with that input alone"
        )
    if len(model.graph.output) != 1:
        names = ", ".join(value.name for value in model.graph.output)
        raise GraphError(f"the embedder gives {names}; export it with the embedding alone")


def _is_crop(value: ValueInfoProto) -> bool:
    dims = value.type.tensor_type.shape.dim
    wanted = (3, CROP_SIZE_PX, CROP_SIZE_PX)
    return len(dims) == 4 and all(
        not dim.HasField("dim_value") or dim.dim_value == want
        for dim, want in zip(dims[1:], wanted, strict=True)
    )


def _true_inputs(model: ModelProto) -> list[ValueInfoProto]:
    """Inputs that are no weights: old exporters list those among them."""
    weights = {weight.name for weight in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def _opset(model: ModelProto) -> int:
    return max(int(e.version) for e in model.opset_import if e.domain in _STANDARD_DOMAINS)


def _plain(model: ModelProto) -> ModelProto:
    """Inline local functions, convert to our opset, and drop all that is no computation."""
    plain = inliner.inline_local_functions(model)
    foreign = sorted({node.domain for node in plain.graph.node} - _STANDARD_DOMAINS)
    if foreign:
        raise GraphError(
            f"the embedder uses ops of {', '.join(foreign)}; export it with standard ONNX ops only"
        )
    if _opset(plain) < OPSET:
        try:
            plain = version_converter.convert_version(plain, OPSET)
        except (RuntimeError, ValueError) as error:
            raise GraphError(
                f"the embedder's opset {_opset(model)} cannot be converted to {OPSET} ({error}); "
                f"export it with opset {OPSET}"
            ) from error
    graph = helper.make_graph(
        [_without_trace(node) for node in plain.graph.node],
        "embedder",
        _true_inputs(plain),
        plain.graph.output,
        initializer=plain.graph.initializer,
        sparse_initializer=plain.graph.sparse_initializer,
    )
    opsets = [helper.make_opsetid("", _opset(plain))]
    ir_version = helper.find_min_ir_version_for(opsets)
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)


def _without_trace(node: NodeProto) -> NodeProto:
    """Drop what exporters note down about the source line: it holds paths of their machine."""
    clean = NodeProto()
    clean.CopyFrom(node)
    clean.ClearField("doc_string")
    clean.ClearField("metadata_props")
    return clean


def _probe_crops() -> Crops:
    """Noise in the range of a scaled crop; the same each time, so that the graph is too."""
    shape = (_PROBES, 3, CROP_SIZE_PX, CROP_SIZE_PX)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def _run_single(model: ModelProto, crops: Crops) -> NDArray[np.float32]:
    """Run crops one by one: (n, dim)."""
    session, name = _session(model), _true_inputs(model)[0].name
    rows = [np.ravel(session.run(None, {name: crop[None]})[0]) for crop in crops]
    return np.stack(rows).astype(np.float32)


def _run_batch(model: ModelProto, crops: Crops) -> NDArray[np.float32] | None:
    """Run crops as one batch: (n, dim), or None where the model cannot."""
    try:
        features = _session(model).run(None, {_true_inputs(model)[0].name: crops})[0]
    except (GraphError, *_RUNTIME_ERRORS):
        return None
    return np.asarray(features, np.float32).reshape(len(crops), -1)


def _session(model: ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # a batch that does not run is an answer here, no mishap
    try:
        return ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except _RUNTIME_ERRORS as error:
        raise GraphError(f"ONNX Runtime cannot load the embedder: {error}") from error


def _agree(found: NDArray[np.float32] | None, expected: NDArray[np.float32]) -> bool:
    if found is None or found.shape != expected.shape:
        return False
    lengths = np.linalg.norm(expected, axis=1)
    return bool(np.all(np.linalg.norm(found - expected, axis=1) <= _TOLERANCE * lengths))
