"""Gate policies as YAML files beside the parameters."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from evaluation.gate.policy import GatePolicy
from pipelines.errors import PolicyError


def read_policy(root: Path, name: str) -> GatePolicy:
    """Read the policy at a path relative to the root; raises `PolicyError` that names every key."""
    path = root / name
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return GatePolicy.model_validate(content)
    except (OSError, ValueError, yaml.YAMLError) as error:
        if isinstance(error, ValidationError):
            raise PolicyError(f"{path} is not a gate policy:\n{_problems(error)}") from error
        there = ", ".join(sorted(f"policies/{p.name}" for p in (root / "policies").glob("*.yaml")))
        raise PolicyError(
            f"{path}: cannot be read ({error}); gate.policy names one of: {there or 'none'}"
        ) from error


def _problems(error: ValidationError) -> str:
    return "\n".join(
        f"  {'.'.join(map(str, problem['loc'])) or 'file'}: {problem['msg']}"
        for problem in error.errors()
    )
