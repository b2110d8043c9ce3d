"""One module says what each code means; the errors of `data` and the schema are held to it."""

from http import HTTPStatus
from typing import Any

import httpx
import pytest

from data.errors import ImageError
from serving.problems import (
    IMAGE_KINDS,
    KINDS,
    REQUEST_KINDS,
    Problem,
    ProblemError,
    ProblemKind,
    describe,
)

ANYWHERE = {"not_found", "method_not_allowed", "invalid_request"}


def _examples(schema: dict[str, Any], path: str, method: str) -> dict[str, tuple[str, Any]]:
    """Code -> (status, example) of everything that one operation says it may refuse with."""
    return {
        code: (status, example["value"])
        for status, response in schema["paths"][path][method]["responses"].items()
        for content in response["content"].values()
        for code, example in content.get("examples", {}).items()
    }


@pytest.fixture(scope="module")
def schema(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


@pytest.mark.parametrize("error", ImageError.__subclasses__(), ids=lambda e: e.code)
def test_every_image_error_has_a_problem_with_its_own_remedy(error: type[ImageError]) -> None:
    kind = KINDS[error.code]
    assert kind in IMAGE_KINDS
    assert kind.remedy == error.remedy
    assert 400 <= kind.status < 500


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_problem_is_whole(kind: ProblemKind) -> None:
    problem = describe(ProblemError(kind.code, "detail"), "id")
    assert HTTPStatus(problem.status) >= HTTPStatus.BAD_REQUEST
    assert problem.title
    assert problem.remedy.endswith(".")
    assert Problem.model_validate_json(problem.model_dump_json()) == problem


def test_an_unknown_code_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        ProblemError("no_such_code", "detail")


def test_the_schema_has_an_example_for_every_code(schema: dict[str, Any]) -> None:
    examples: dict[str, tuple[str, Any]] = {}
    for path, operations in schema["paths"].items():
        for method in operations:
            examples |= _examples(schema, path, method)
    assert set(examples) == set(KINDS)
    for code, (status, example) in examples.items():
        problem = Problem.model_validate(example)
        assert problem.code == code
        assert status == ("default" if code in ANYWHERE else str(problem.status))


def test_compare_declares_every_code_of_images_and_requests(schema: dict[str, Any]) -> None:
    declared = set(_examples(schema, "/compare", "post"))
    assert declared >= {kind.code for kind in (*IMAGE_KINDS, *REQUEST_KINDS)}


def test_the_schema_describes_the_form_and_the_answer(schema: dict[str, Any]) -> None:
    compare = schema["paths"]["/compare"]["post"]
    form = compare["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["image1", "image2"]
    answer = schema["components"]["schemas"]["CompareResponse"]
    example = answer["examples"][0]
    assert set(example) == set(answer["properties"])


def test_every_reference_in_the_schema_leads_somewhere(schema: dict[str, Any]) -> None:
    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if "$ref" in node else set()
            return own.union(*map(references, node.values()))
        return set().union(*map(references, node)) if isinstance(node, list) else set()

    known = {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}
    assert references(schema) <= known
