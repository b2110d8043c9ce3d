"""Builds `embed.onnx`: picture and landmarks in, unit embedding out, in standard ONNX ops.

    image_rgb_u8  uint8   [batch, height, width, 3]
    landmarks_px  float32 [batch, 5, 2]               in the order of `data.face.LANDMARK_NAMES`
    embedding     float32 [batch, embedding_dim]      of unit length

Alignment is inside, so no caller can get it wrong. It is the closed form of `data.alignment`,
inverted for sampling: with a, b and D as there, a crop pixel d comes from the picture at
R (d - mean q) + mean p, R = D / (a^2 + b^2) [[a, b], [-b, a]]. GridSample reads it bilinearly,
black outside. OpenCV rounds each pixel to a whole grey level and the graph does not: the two
differ by half a level.

Landmarks that span no face, or are not finite, give the zero vector, which matches nobody.

This module needs the `onnx` package and runs when a release is made; the server never imports it.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, checker, helper
from pydantic import BaseModel, ConfigDict, Field

from data.face import CONTRACT_ID, CROP_SIZE_PX, PIXEL_MEAN, PIXEL_SCALE, TEMPLATE_PX
from data.files import whole_file
from serving.graph_embedder import OPSET, Embedder, prepare_embedder
from serving.graph_part import GraphPart

_MIN_SPREAD_PX2: Final = 1e-6
_MIN_CORRELATION: Final = 1e-12
"""Both as in `data.alignment.estimate_similarity`."""
_MAX_SPREAD_PX2: Final = 1e12
"""A face a million pixels wide; beyond it float32 sums overflow."""

Positive = Annotated[float, Field(gt=0)]


class InputScaling(BaseModel):
    """How an embedder wants its crop: (x - mean) / std on grey levels 0 to 255."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mean: tuple[float, float, float] = (PIXEL_MEAN, PIXEL_MEAN, PIXEL_MEAN)
    """In grey levels, one for each channel in the embedder's own order."""
    std: tuple[Positive, Positive, Positive] = (PIXEL_SCALE, PIXEL_SCALE, PIXEL_SCALE)
    """In grey levels, one for each channel in the embedder's own order."""
    colour_order: Literal["rgb", "bgr"] = "rgb"
    """The embedder's own order; the graph's input is RGB in any case."""


ARCFACE_SCALING: Final = InputScaling()
"""(x - 127.5) / 127.5, RGB: the face contract's, for embedders trained here."""
IMAGENET_SCALING: Final = InputScaling(
    mean=(0.485 * 255, 0.456 * 255, 0.406 * 255), std=(0.229 * 255, 0.224 * 255, 0.225 * 255)
)
"""torchvision's mean and standard deviation, in grey levels."""
RAW_SCALING: Final = InputScaling(mean=(0, 0, 0), std=(1, 1, 1))
"""For embedders that scale inside."""


def compose(embedder: ModelProto, *, input_scaling: InputScaling = ARCFACE_SCALING) -> ModelProto:
    """Put alignment before an embedder and the L2 norm behind it, in one checked graph.

    The embedder takes a float32 crop (batch, 3, 112, 112). One that was exported for a single crop
    is opened to any batch where that provably changes nothing; else the graph says `max_batch` 1
    and the engine feeds it one by one. Equal input gives equal bytes. Raises `GraphError`.
    """
    prepared = prepare_embedder(embedder)
    batch = 1 if prepared.max_batch == 1 else "batch"
    parts = GraphPart("align/"), GraphPart("scale/"), GraphPart("head/")
    align, scale, head = parts
    crop, is_face = _add_alignment(align, "image_rgb_u8", "landmarks_px")
    scaled = _add_scaling(scale, crop, input_scaling)
    scale.op("Identity", [scaled], output=prepared.input_name)
    _add_head(head, prepared.output_name, is_face, output="embedding")
    inner = prepared.model.graph
    graph = helper.make_graph(
        [*align.nodes, *scale.nodes, *inner.node, *head.nodes],
        "examgate_embed",
        _inputs(batch),
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, prepared.dim])],
        initializer=[*inner.initializer, *(c for part in parts for c in part.constants)],
        sparse_initializer=list(inner.sparse_initializer),
    )
    model = _model(graph, prepared.opset)
    helper.set_model_props(model, _metadata(prepared))
    checker.check_model(model, full_check=True)
    return model


def build_alignment(opset: int = OPSET) -> ModelProto:
    """Alignment alone: the same two inputs; `crop_rgb` float32 (batch, 3, 112, 112) in grey levels
    and `is_face` bool (batch, 1), false where the landmarks span no face.
    """
    part = GraphPart("align/")
    crop, is_face = _add_alignment(part, "image_rgb_u8", "landmarks_px")
    part.op("Identity", [crop], output="crop_rgb")
    part.op("Identity", [is_face], output="is_face")
    size = CROP_SIZE_PX
    graph = helper.make_graph(
        part.nodes,
        "examgate_align",
        _inputs("batch"),
        [
            helper.make_tensor_value_info("crop_rgb", TensorProto.FLOAT, ["batch", 3, size, size]),
            helper.make_tensor_value_info("is_face", TensorProto.BOOL, ["batch", 1]),
        ],
        initializer=part.constants,
    )
    model = _model(graph, opset)
    checker.check_model(model, full_check=True)
    return model


def write_graph(model: ModelProto, path: Path) -> None:
    """Write a graph whole; equal graphs are equal files."""
    with whole_file(path) as partial:
        partial.write_bytes(model.SerializeToString(deterministic=True))


def _model(graph: GraphProto, opset: int) -> ModelProto:
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(
        graph,
        opset_imports=opsets,
        producer_name="examgate",
        ir_version=helper.find_min_ir_version_for(opsets),
    )


def _metadata(embedder: Embedder) -> dict[str, str]:
    return {
        "contract_id": CONTRACT_ID,
        "embedding_dim": str(embedder.dim),
        "max_batch": str(embedder.max_batch),
    }


def _inputs(batch: int | str) -> list[ValueInfoProto]:
    image = [batch, "height", "width", 3]
    return [
        helper.make_tensor_value_info("image_rgb_u8", TensorProto.UINT8, image),
        helper.make_tensor_value_info("landmarks_px", TensorProto.FLOAT, [batch, 5, 2]),
    ]


def _add_alignment(part: GraphPart, image: str, landmarks: str) -> tuple[str, str]:
    """Add the ops from picture and landmarks to (crop, is_face)."""
    inverse, centre, is_face = _add_inverse_similarity(part, landmarks)
    pixels = part.constant("crop_pixels", _crop_pixels())
    turned = part.op("Reshape", [part.op("MatMul", [inverse, pixels]), part.shape(0, -1, 2)])
    source_px = part.op("Add", [turned, centre])
    # GridSample wants -1 to 1 from edge to edge of the picture, where pixel x spans x - 0.5 to
    # x + 0.5. Unlike the corner-aligned convention this one divides by no (width - 1).
    size_hw = part.op("Shape", [image])
    size_wh = part.op("Gather", [size_hw, part.shape(2, 1)], axis=0)
    size_px = part.op("Cast", [size_wh], to=TensorProto.FLOAT)
    doubled = part.op("Add", [part.op("Mul", [source_px, part.scalar(2)]), part.scalar(1)])
    grid = part.op("Sub", [part.op("Div", [doubled, size_px]), part.scalar(1)])
    grid = part.op("Reshape", [grid, part.shape(0, CROP_SIZE_PX, CROP_SIZE_PX, 2)])
    picture = part.op("Cast", [image], to=TensorProto.FLOAT)
    picture = part.op("Transpose", [picture], perm=[0, 3, 1, 2])
    crop = part.op(
        "GridSample", [picture, grid], mode="linear", padding_mode="zeros", align_corners=0
    )
    return crop, is_face


def _add_inverse_similarity(part: GraphPart, landmarks: str) -> tuple[str, str, str]:
    """Add the ops from landmarks to R as (batch, 2), mean p as (batch, 1, 2), is_face (batch, 1).

    The first landmark is subtracted before the mean, so that five equal ones cancel exactly.
    """
    axis = part.shape(1)
    first = part.op("Gather", [landmarks, part.shape(0)], axis=1)
    offsets = part.op("Sub", [landmarks, first])
    shift = part.op("ReduceMean", [offsets, axis])
    mean_p = part.op("Add", [first, shift])
    p = part.op("Reshape", [part.op("Sub", [offsets, shift]), part.shape(0, 10)])
    a_b = part.op("MatMul", [p, part.constant("template", _template_products())])
    spread = part.op("ReduceSumSquare", [p, axis])
    correlation = part.op("ReduceSumSquare", [a_b, axis])
    is_face = part.op("Greater", [spread, part.scalar(_MIN_SPREAD_PX2)])
    for compared in (
        part.op("Less", [spread, part.scalar(_MAX_SPREAD_PX2)]),
        part.op("Greater", [correlation, part.scalar(_MIN_CORRELATION)]),
    ):
        is_face = part.op("And", [is_face, compared])
    inverse = part.op("Mul", [a_b, part.op("Div", [spread, correlation])])
    # Where, not Mul: a NaN times zero is a NaN.
    inverse = part.op("Where", [is_face, inverse, part.scalar(0)])
    is_face_3d = part.op("Unsqueeze", [is_face, part.shape(2)])
    return inverse, part.op("Where", [is_face_3d, mean_p, part.scalar(0)]), is_face


def _template_products() -> NDArray[np.float64]:
    """(10, 2): flat centred landmarks times this are a = sum(p.q) and b = sum(p x q)."""
    q = TEMPLATE_PX.astype(np.float64) - TEMPLATE_PX.astype(np.float64).mean(0)
    return np.column_stack([q.ravel(), np.column_stack([q[:, 1], -q[:, 0]]).ravel()])


def _crop_pixels() -> NDArray[np.float64]:
    """(2, 112 * 112 * 2): (a, b) times this are [[a, b], [-b, a]] (d - mean q), row by row."""
    y, x = np.mgrid[:CROP_SIZE_PX, :CROP_SIZE_PX].reshape(2, -1).astype(np.float64)
    mean_x, mean_y = TEMPLATE_PX.astype(np.float64).mean(0)
    dx, dy = x - mean_x, y - mean_y
    return np.stack([np.column_stack([dx, dy]).ravel(), np.column_stack([dy, -dx]).ravel()])


def _add_scaling(part: GraphPart, crop: str, scaling: InputScaling) -> str:
    if scaling.colour_order == "bgr":
        crop = part.op("Gather", [crop, part.shape(2, 1, 0)], axis=1)
    mean = part.constant("mean", np.array(scaling.mean).reshape(1, 3, 1, 1))
    std = part.constant("std", np.array(scaling.std).reshape(1, 3, 1, 1))
    return part.op("Div", [part.op("Sub", [crop, mean]), std])


def _add_head(part: GraphPart, features: str, is_face: str, output: str) -> None:
    """Add the L2 norm; a zero row stays zero, as in `data.face.l2_normalise`."""
    flat = part.op("Flatten", [features], axis=1)
    norm = part.op("ReduceL2", [flat, part.shape(1)])
    norm = part.op("Max", [norm, part.scalar(float(np.finfo(np.float32).tiny))])
    unit = part.op("Div", [flat, norm])
    part.op("Where", [is_face, unit, part.scalar(0)], output=output)
