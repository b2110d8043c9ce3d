"""Documentation that cannot lie: what it lists is what there is."""

import re
from pathlib import Path

import pytest
import typer.main

from pipelines.cli import app
from pipelines.stage import STAGES
from serving import problems

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _makefile_verbs() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_verbs_and_commands_exist(page: Path) -> None:
    text = page.read_text()
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # a click group
    for verb in re.findall(r"`make ([a-z-]+)", text):
        assert verb in _makefile_verbs(), f"{page.name} names `make {verb}`"
    for command in re.findall(r"`examgate ([a-z-]+)", text):
        assert command in known, f"{page.name} names `examgate {command}`"


def test_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 75


def test_every_stage_is_described() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    for stage in STAGES:
        assert f"**{stage}**" in text


def test_every_error_code_is_documented_with_its_status() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    for kind in problems.KINDS.values():
        assert f"| `{kind.code}` | {kind.status} |" in text


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text()
    for record in folder.glob("0*.md"):
        assert f"({record.name})" in index


def test_workflows_call_verbs_and_pin_actions() -> None:
    for workflow in (ROOT / ".github/workflows").glob("*.yml"):
        text = workflow.read_text()
        for action in re.findall(r"uses: (\S+)", text):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action), f"{action} is not pinned"
        for command in re.findall(r"run: (.+)", text):
            verb = command.removeprefix("make ")
            assert verb in _makefile_verbs(), f"{workflow.name} runs {command!r}"


def test_ci_and_hooks_call_the_same_verbs() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text()
    hooks = re.findall(r"entry: make (\S+)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert set(hooks) == {"check", "test"}
