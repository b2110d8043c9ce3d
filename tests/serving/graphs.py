"""Graphs to test with: an embedder that shows the crop it was given."""

from typing import Any, TypeAlias

import cv2
import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from data.alignment import estimate_similarity
from data.face import LandmarksPx, RgbU8

CROP_VALUES = 3 * 112 * 112

Session: TypeAlias = ort.InferenceSession


def session_of(model: onnx.ModelProto) -> Session:
    return Session(model.SerializeToString(), providers=["CPUExecutionProvider"])


def run(session: Session, images: NDArray[Any], landmarks: NDArray[Any]) -> list[NDArray[Any]]:
    outputs: list[NDArray[Any]] = session.run(
        None, {"image_rgb_u8": images, "landmarks_px": landmarks.astype(np.float32)}
    )
    return outputs


def crop_embedder(opset: int = 20, batch: int | str = "batch") -> onnx.ModelProto:
    """Its embedding is the crop and a constant 1, so that the crop survives the norm."""
    rows = 1 if batch == 1 else 0
    constants = [
        numpy_helper.from_array(np.array([rows, CROP_VALUES], np.int64), "flat_shape"),
        numpy_helper.from_array(np.zeros((CROP_VALUES, 1), np.float32), "zeros"),
        numpy_helper.from_array(np.ones(1, np.float32), "one"),
    ]
    nodes = [
        helper.make_node("Reshape", ["crop", "flat_shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "zeros"], ["zero"]),
        helper.make_node("Add", ["zero", "one"], ["ones"]),
        helper.make_node("Concat", ["flat", "ones"], ["features"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "crop",
        [helper.make_tensor_value_info("crop", TensorProto.FLOAT, [batch, 3, 112, 112])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [batch, CROP_VALUES + 1])],
        initializer=constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def crop_of(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """(112, 112, 3) out of one row of what `crop_embedder` gives behind the norm."""
    crop: NDArray[np.float32] = (embedding[:-1] / embedding[-1]).reshape(3, 112, 112)
    return crop.transpose(1, 2, 0)


def float_crop(image: RgbU8, landmarks: LandmarksPx) -> NDArray[np.float32]:
    """The reference without OpenCV's rounding to whole grey levels."""
    matrix = estimate_similarity(landmarks).matrix
    crop = cv2.warpAffine(image.astype(np.float32), matrix, (112, 112))
    return crop.astype(np.float32)
