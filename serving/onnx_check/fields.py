"""The messages of an ONNX file and what each of their fields is to a bundle.

Source: onnx.proto of ONNX 1.23 (IR version 14). A field that is not here is refused, because
another reader of the file, an engine, may know it and act on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Message:
    """One kind of message."""

    plain: frozenset[int]
    """Fields that are data: names, shapes, numbers."""
    nested: Mapping[int, str] = field(default_factory=dict)
    """Fields that are messages to look into, by the kind of message."""
    texts: Mapping[int, str] = field(default_factory=dict)
    """Fields whose text is judged, by what it is called."""
    counts: Mapping[int, str] = field(default_factory=dict)
    """Fields whose number is judged, by what it is called."""
    refused: Mapping[int, str] = field(default_factory=dict)
    """Fields that no graph of a bundle has, by what they are."""


MESSAGES: Final[Mapping[str, Message]] = {
    "model": Message(
        # ir_version, producer_name, producer_version, domain, model_version, doc_string, metadata
        plain=frozenset({1, 2, 3, 4, 5, 6, 14}),
        nested={7: "graph", 8: "opset"},
        refused={20: "training steps", 25: "functions of its own", 26: "device configurations"},
    ),
    "opset": Message(plain=frozenset(), texts={1: "domain"}, counts={2: "version"}),
    "graph": Message(
        # name, doc_string, input, output, value_info, quantization_annotation, metadata
        plain=frozenset({2, 10, 11, 12, 13, 14, 16}),
        nested={1: "node", 5: "tensor", 15: "sparse tensor"},
    ),
    "node": Message(
        # input, output, name, doc_string, metadata
        plain=frozenset({1, 2, 3, 6, 9}),
        nested={5: "attribute"},
        texts={4: "op_type", 7: "domain"},
        refused={8: "an overload of a function", 10: "device configurations"},
    ),
    "attribute": Message(
        # name, f, i, s, floats, ints, strings, doc_string, tp, type_protos, type
        plain=frozenset({1, 2, 3, 4, 7, 8, 9, 13, 14, 15, 20}),
        nested={5: "tensor", 10: "tensor", 22: "sparse tensor", 23: "sparse tensor"},
        refused={
            6: "a graph in an attribute (control flow)",
            11: "graphs in an attribute (control flow)",
            21: "a reference to a function's attribute",
        },
    ),
    "tensor": Message(
        # dims, data_type, segment, the five lists of values and string_data, name, raw_data,
        # doc_string, metadata
        plain=frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16}),
        counts={14: "data_location"},
        refused={13: "weights in a file of their own (external data)"},
    ),
    "sparse tensor": Message(plain=frozenset({3}), nested={1: "tensor", 2: "tensor"}),
}
"""By kind. No kind reaches itself, so a walk ends, however deep a file nests its messages."""
