"""No dead knob, no hidden default: every key is in the file, declared in dvc.yaml, and read."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from pipelines.errors import ParamsError
from pipelines.layout import Layout
from pipelines.lineage import ROOMS
from pipelines.overlays import EXTENDS, load_recipe
from pipelines.params import Params, load_params
from pipelines.recipe import use_recipe, written_out
from pipelines.stage import STAGES

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted([ROOT / "params.yaml", *(ROOT / "params").glob("*.yaml")])
DVC_STAGES: dict[str, dict[str, object]] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def _leaves(content: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A config and every config inside it, also in unions and tuples."""
    yield model
    for field in model.model_fields.values():
        yield from _models_in(field.annotation)


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _models(annotation)
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _attributes_read() -> set[str]:
    """Names that the code reads as attributes, or hands to getattr as a constant."""
    found: set[str] = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                    found.add(node.attr)
    return found


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_file_says_everything(path: Path) -> None:
    """A default that is not in the file would change results without DVC noticing."""
    content = yaml.safe_load(written_out(path))
    assert load_recipe(path).model_dump(mode="json") == content


def test_a_file_that_extends_nothing_says_everything_itself() -> None:
    for path in RECIPES:
        if EXTENDS not in yaml.safe_load(path.read_text()):
            assert written_out(path) == path.read_bytes(), path


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_key_is_declared_in_dvc_yaml(path: Path) -> None:
    declared = {str(key) for stage in DVC_STAGES.values() for key in stage["params"]}  # type: ignore[attr-defined]  # YAML
    for leaf in _leaves(yaml.safe_load(written_out(path))):
        parts = leaf.split(".")
        prefixes = {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
        assert prefixes & declared, f"{leaf} is in no stage's params"


def test_every_declared_key_exists() -> None:
    leaves = list(_leaves(yaml.safe_load((ROOT / "params.yaml").read_text())))
    for stage in DVC_STAGES.values():
        for key in stage["params"]:  # type: ignore[attr-defined]  # YAML
            assert any(leaf == key or leaf.startswith(f"{key}.") for leaf in leaves), key


def test_every_key_is_read_by_the_code() -> None:
    read = _attributes_read()
    for model in set(_models(Params)):
        for name in model.model_fields:
            assert name in read, f"{model.__name__}.{name} is a knob that turns nothing"


def test_stages_are_the_seven_of_dvc_yaml() -> None:
    assert tuple(DVC_STAGES) == STAGES
    for name, stage in DVC_STAGES.items():
        assert stage["cmd"] == f"python -m pipelines {name}"


def test_every_config_is_frozen_and_refuses_unknown_keys() -> None:
    for model in set(_models(Params)):
        assert model.model_config.get("frozen") is True, model
        assert model.model_config.get("extra") == "forbid", model


def test_broken_files_are_refused_by_name(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    with pytest.raises(ParamsError, match=r"missing\.yaml"):
        load_params(missing)
    broken = tmp_path / "broken.yaml"
    broken.write_text("train: [")
    with pytest.raises(ParamsError, match="cannot be read"):
        load_params(broken)
    broken.write_text((ROOT / "params.yaml").read_text().replace("batch_size: ", "batch_size: -"))
    with pytest.raises(ParamsError, match=r"train\.batch_size"):
        load_params(broken)


def test_recipe_is_put_in_force_whole_or_not_at_all(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.params.write_bytes((ROOT / "params.yaml").read_bytes())
    assert not use_recipe(ROOT / "params.yaml", layout)
    assert use_recipe(ROOT / "params/lfw.yaml", layout)
    assert load_params(layout.params).ingest.source.kind == "lfw"
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("ingest: {}\n")
    with pytest.raises(ParamsError, match=r"ingest\.source"):
        use_recipe(wrong, layout)
    assert layout.params.read_bytes() == (ROOT / "params/lfw.yaml").read_bytes()
