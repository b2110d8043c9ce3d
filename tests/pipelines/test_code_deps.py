"""dvc.yaml must watch the code that makes a result: what a stage imports is among its deps."""

from pathlib import Path

import grimp
import pytest
import yaml

from pipelines.lineage import ROOMS

ROOT = Path(__file__).resolve().parents[2]
DVC_STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PLUMBING = {
    # How stages start, log and fail: a change here changes no number.
    "pipelines.environment",
    "pipelines.launch",
    "pipelines.launched",
    "pipelines.layout",
    "pipelines.lineage",
    "pipelines.params",
    "pipelines.parity",
    "pipelines.rank_failures",
    # Bring files whose digest is pinned elsewhere.
    "pipelines.downloads",
    "pipelines.pretrained",
    "pipelines.stage",
    "pipelines.tracking",
    "data.files",
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ROOMS, cache_dir=None)


def _reached(graph: grimp.ImportGraph, module: str) -> set[str]:
    """Modules of ours that a module needs, without looking behind the plumbing."""
    seen: set[str] = set()
    todo = [module]
    while todo:
        for found in graph.find_modules_directly_imported_by(todo.pop()) - seen - PLUMBING:
            seen.add(found)
            todo.append(found)
    return seen


def _watched(module: str, deps: list[str]) -> bool:
    path = module.replace(".", "/")
    return any(path == dep.removesuffix(".py") or path.startswith(f"{dep}/") for dep in deps)


@pytest.mark.parametrize("stage", DVC_STAGES)
def test_code_of_a_stage_is_among_its_deps(graph: grimp.ImportGraph, stage: str) -> None:
    deps = [
        dep for dep in DVC_STAGES[stage]["deps"] if not dep.startswith(("artifacts", "reports"))
    ]
    for dep in deps:
        assert (ROOT / dep).exists(), f"{dep} is listed and does not exist"
    reached = _reached(graph, f"pipelines.{stage}") | {f"pipelines.{stage}"}
    unwatched = {
        m for m in reached if not _watched(m, deps) and not m.endswith((".errors", ".config"))
    }
    assert not unwatched, f"{stage} needs {sorted(unwatched)}; add them to its deps in dvc.yaml"
