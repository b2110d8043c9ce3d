"""The policies of the repository: they can be read, and ask for what recipes measure."""

from pathlib import Path

import pytest
import yaml

from evaluation.gate.evidence import name_fits
from pipelines.errors import PolicyError
from pipelines.overlays import load_recipe
from pipelines.policy import read_policy

ROOT = Path(__file__).resolve().parents[2]
POLICIES = sorted((ROOT / "policies").glob("*.yaml"))
RECIPES = sorted([ROOT / "params.yaml", *(ROOT / "params").glob("*.yaml")])


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_policy_is_named_like_its_file(path: Path) -> None:
    policy = read_policy(ROOT, f"policies/{path.name}")
    assert policy.name == path.stem
    assert len({rule.model_dump_json() for rule in policy.rules}) == len(policy.rules)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_measures_what_its_policy_judges(path: Path) -> None:
    params = load_recipe(path)
    policy = read_policy(ROOT, params.gate.policy)
    points = {f"fmr_{target:.0e}".replace("e-0", "e-") for target in params.evaluate.target_fmrs}
    asked = {part for rule in policy.rules for part in rule.metric.split("/")}
    asked |= {policy.champion.point} if policy.champion else set()
    assert {part for part in asked if part.startswith("fmr_")} <= points
    columns = [column.column for column in params.evaluate.slice_columns]
    for pattern in policy.champion.slices if policy.champion else ():
        assert any(name_fits(pattern, f"{column}_*") for column in columns), pattern


def test_production_asks_for_what_an_exam_needs() -> None:
    policy = read_policy(ROOT, "policies/production.yaml")
    rules = {(rule.metric, rule.slice): rule for rule in policy.rules}
    within = rules["protocol/domain/fmr_1e-5/fmr", None]
    assert (within.direction, within.bound, within.use) == ("at_most", 1e-4, "confidence")
    assert rules["fmr_1e-5/fnmr", None].bound == 0.01
    for column in ("gender", "skin_tone", "age_band"):
        assert rules["fmr_1e-5/fnmr", f"{column}_*"].factor == 1.25
    starts = {rule.metric.split("/")[0] for rule in policy.rules}
    assert {"failure_modes", "behaviour", "parity", "latency", "fairness"} <= starts
    assert policy.champion is not None
    assert policy.champion.presence == "required"


def test_a_missing_policy_says_which_there_are() -> None:
    with pytest.raises(PolicyError, match=r"policies/demo\.yaml"):
        read_policy(ROOT, "policies/none.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"name": "n"}, "description: Field required"),
        ({"name": "n", "description": "d", "rules": [{"metric": "a"}]}, r"rules\.0\.direction"),
        ({"name": "n", "description": "d", "rules": [], "champions": 1}, "champions: Extra"),
        ([], "file: "),
    ],
)
def test_a_wrong_policy_is_refused_by_key(tmp_path: Path, content: object, message: str) -> None:
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(PolicyError, match=message):
        read_policy(tmp_path, "policy.yaml")
