"""The table of fields beside the `onnx` package: a field that ONNX gains must be thought about."""

from typing import Any

import onnx
import pytest

from serving.onnx_check.fields import MESSAGES

PROTOS: dict[str, Any] = {
    "model": onnx.ModelProto,
    "opset": onnx.OperatorSetIdProto,
    "graph": onnx.GraphProto,
    "node": onnx.NodeProto,
    "attribute": onnx.AttributeProto,
    "tensor": onnx.TensorProto,
    "sparse tensor": onnx.SparseTensorProto,
}
KINDS = {proto.DESCRIPTOR.name: kind for kind, proto in PROTOS.items()}


@pytest.mark.parametrize("kind", PROTOS)
def test_every_field_of_onnx_is_in_the_table_once(kind: str) -> None:
    layout = MESSAGES[kind]
    groups = (layout.plain, layout.nested, layout.texts, layout.counts, layout.refused)
    listed = sorted(number for group in groups for number in group)
    assert listed == sorted(field.number for field in PROTOS[kind].DESCRIPTOR.fields)


@pytest.mark.parametrize("kind", PROTOS)
def test_a_message_that_can_hold_tensors_or_nodes_is_looked_into(kind: str) -> None:
    layout = MESSAGES[kind]
    for field in PROTOS[kind].DESCRIPTOR.fields:
        inner = field.message_type
        if inner is not None and inner.name in KINDS and field.number not in layout.refused:
            assert layout.nested[field.number] == KINDS[inner.name]


def test_judged_texts_and_counts_are_the_fields_of_that_name() -> None:
    for kind, layout in MESSAGES.items():
        fields = PROTOS[kind].DESCRIPTOR.fields_by_number
        for number, name in {**layout.texts, **layout.counts}.items():
            assert fields[number].name == name
