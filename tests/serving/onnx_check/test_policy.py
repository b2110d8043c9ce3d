"""Graphs that a bundle may carry, and every trick to carry more."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, defs, helper, numpy_helper

from serving.bundle import open_bundle
from serving.errors import BundleGraphError
from serving.onnx_check.policy import ALLOWED_OPS, MAX_OPSET, MIN_OPSET, check_graph

ROOT = Path(__file__).resolve().parents[3]
WEIGHTS = Path(os.environ.get("EXAMGATE_WEIGHTS_DIR", ROOT / "../shared/weights"))
SECRET = "../../etc/secret"


def _model(*nodes: NodeProto) -> ModelProto:
    weights = numpy_helper.from_array(np.ones(3, np.float32), "weights")
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in "xy"]
    graph = helper.make_graph(
        list(nodes) or [helper.make_node("Add", ["x", "weights"], ["y"])],
        "tested",
        values[:1],
        values[1:],
        initializer=[weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def _check(model: ModelProto) -> None:
    check_graph(model.SerializeToString(), "net.onnx")


def _external(tensor: TensorProto) -> None:
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=SECRET)


def _external_initializer(model: ModelProto) -> None:
    _external(model.graph.initializer[0])


def _external_by_its_location_alone(model: ModelProto) -> None:
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL


def _external_in_an_attribute(model: ModelProto) -> None:
    node = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.ones(1)))
    _external(node.attribute[0].t)
    model.graph.node.append(node)


def _external_in_a_list_of_tensors(model: ModelProto) -> None:
    attribute = model.graph.node[0].attribute.add(name="many")
    _external(attribute.tensors.add())


def _external_in_a_sparse_tensor(model: ModelProto) -> None:
    _external(model.graph.sparse_initializer.add().indices)


def _custom_operator(model: ModelProto) -> None:
    model.graph.node[0].domain = "com.evil"


def _contrib_operator(model: ModelProto) -> None:
    model.graph.node.append(helper.make_node("FusedConv", ["x"], ["z"], domain="com.microsoft"))


def _imported_domain(model: ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))


def _two_opsets(model: ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("ai.onnx", 20))


def _control_flow(model: ModelProto) -> None:
    branch = GraphProto(name="branch", node=[helper.make_node("Identity", ["x"], ["b"])])
    model.graph.node[0].attribute.append(helper.make_attribute("then_branch", branch))


def _control_flow_in_a_list(model: ModelProto) -> None:
    branch = GraphProto(name="branch")
    model.graph.node[0].attribute.append(helper.make_attribute("branches", [branch]))


def _function(model: ModelProto) -> None:
    nodes = [helper.make_node("Relu", ["a"], ["b"])]
    opsets = [helper.make_opsetid("", 20)]
    model.functions.append(helper.make_function("", "Add", ["a"], ["b"], nodes, opsets))


def _training(model: ModelProto) -> None:
    model.training_info.add().algorithm.name = "sgd"


def _random(model: ModelProto) -> None:
    model.graph.node.append(helper.make_node("RandomNormal", [], ["noise"], shape=[1]))


def _nameless(model: ModelProto) -> None:
    model.graph.node[0].op_type = ""


def _old(model: ModelProto) -> None:
    model.opset_import[0].version = MIN_OPSET - 1


def _new(model: ModelProto) -> None:
    model.opset_import[0].version = MAX_OPSET + 1


def _no_opset(model: ModelProto) -> None:
    del model.opset_import[:]


def _empty(model: ModelProto) -> None:
    del model.graph.node[:]


TRICKS: dict[str, tuple[Callable[[ModelProto], None], str]] = {
    "external weights": (_external_initializer, "external data"),
    "external location alone": (_external_by_its_location_alone, "external data"),
    "external attribute": (_external_in_an_attribute, "external data"),
    "external tensors": (_external_in_a_list_of_tensors, "external data"),
    "external sparse tensor": (_external_in_a_sparse_tensor, "external data"),
    "custom operator": (_custom_operator, "operator 'Add' of the domain 'com.evil'"),
    "operator of the engine": (_contrib_operator, "'FusedConv' of the domain 'com.microsoft'"),
    "imported domain": (_imported_domain, "imports the operators of the domain 'ai.onnx.ml'"),
    "two opsets": (_two_opsets, "imports the standard operators twice"),
    "control flow": (_control_flow, "control flow"),
    "control flow in a list": (_control_flow_in_a_list, "control flow"),
    "function": (_function, "functions of its own"),
    "training": (_training, "training steps"),
    "random": (_random, "operator 'RandomNormal', which is not allowed"),
    "nameless": (_nameless, "operator '', which is not allowed"),
    "old opset": (_old, f"has opset {MIN_OPSET - 1}, allowed are"),
    "new opset": (_new, f"has opset {MAX_OPSET + 1}, allowed are"),
    "no opset": (_no_opset, "names no opset"),
    "no nodes": (_empty, "holds no nodes"),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_is_refused_by_name(trick: str) -> None:
    change, message = TRICKS[trick]
    model = _model()
    _check(model)
    change(model)
    with pytest.raises(BundleGraphError, match=rf"^net\.onnx .*{message}.*; build"):
        _check(model)


def test_a_second_operator_in_one_node_is_refused() -> None:
    """Protobuf keeps the last of two; whoever kept the first would run what nobody looked at."""
    node = NodeProto(op_type="RandomNormal").SerializeToString()
    node += NodeProto(op_type="Add", input=["x", "weights"], output=["y"]).SerializeToString()
    assert NodeProto.FromString(node).op_type == "Add"
    with pytest.raises(BundleGraphError, match="says its op_type twice"):
        check_graph(_with_node(node), "net.onnx")


def test_a_second_graph_is_looked_into() -> None:
    """Protobuf merges two graphs into one."""
    more = ModelProto(graph=GraphProto(node=[helper.make_node("Loop", ["x"], ["y"])]))
    content = _model().SerializeToString() + more.SerializeToString()
    assert [node.op_type for node in onnx.load_from_string(content).graph.node] == ["Add", "Loop"]
    with pytest.raises(BundleGraphError, match="'Loop', which is not allowed"):
        check_graph(content, "net.onnx")


def test_a_field_that_onnx_does_not_know_is_refused() -> None:
    with pytest.raises(BundleGraphError, match="a field 99 in a model"):
        check_graph(_model().SerializeToString() + b"\x98\x06\x01", "net.onnx")
    with pytest.raises(BundleGraphError, match="a number stands where a message"):
        check_graph(_model().SerializeToString() + b"\x38\x01", "net.onnx")


def _with_node(node: bytes) -> bytes:
    graph = b"\x0a" + bytes([len(node)]) + node
    content: bytes = _model().SerializeToString()
    return content + b"\x3a" + bytes([len(graph)]) + graph


@given(st.binary(max_size=80))
def test_noise_is_refused_by_a_typed_error(content: bytes) -> None:
    """80 random bytes are never a graph with a node and an opset."""
    with pytest.raises(BundleGraphError):
        check_graph(content, "net.onnx")


def test_noise_in_a_graph_is_at_worst_another_graph() -> None:
    """Broken anywhere, it is refused by a typed error or it has only allowed parts."""
    content = _model().SerializeToString()
    for place in range(len(content)):
        for value in (0, 1, 0x7F, 0x80, 0xFF):
            broken = content[:place] + bytes([value]) + content[place + 1 :]
            try:
                found = check_graph(broken, "net.onnx")
            except BundleGraphError:
                continue
            assert found.ops <= ALLOWED_OPS


def test_allowed_operators_are_standard_deterministic_and_without_graphs() -> None:
    graphs = {defs.OpSchema.AttrType.GRAPH, defs.OpSchema.AttrType.GRAPHS}
    for op in ALLOWED_OPS:
        schema = defs.get_schema(op)
        assert schema.domain == ""
        assert not {attribute.type for attribute in schema.attributes.values()} & graphs
        determinism = schema.node_determinism  # type: ignore[attr-defined]  # their stub lags
        assert determinism != defs.OpSchema.NodeDeterminism.NonDeterministic


def test_our_own_graphs_pass(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    facts = check_graph(bundle.read("embed.onnx"), "embed.onnx")
    model = onnx.load_from_string(bundle.read("embed.onnx"))
    assert facts.ops == {node.op_type for node in model.graph.node}
    assert (facts.num_nodes, facts.opset) == (len(model.graph.node), 20)


@pytest.mark.real_faces
@pytest.mark.parametrize("folder", ["embed", "detect"])
def test_the_networks_of_the_catalogue_pass(folder: str) -> None:
    files = sorted((WEIGHTS / folder).glob("*.onnx"))
    if not files:
        pytest.skip("no weights; set EXAMGATE_WEIGHTS_DIR")
    for file in files:
        assert check_graph(file.read_bytes(), file.name).num_nodes > 10
