"""A small campus in a repository of its own: the real dvc.yaml, the real stages, tiny sizes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TINY = {
    "ingest.source.num_subjects": 30,
    "ingest.source.photos_per_subject": 5,
    "ingest.source.sibling_share": 0.2,
    "train.epochs": 2,
    "train.batch_size": 16,
    "train.network.depths": [1, 1, 1, 1],
    "train.network.widths": [8, 8, 16, 16],
    "train.network.embedding_dim": 32,
    "curate.splits.train_share": 0.5,
    "curate.splits.calibration_share": 0.25,
    "curate.splits.test_share": 0.25,
    "curate.splits.canary_share": 0.0,
    "curate.min_photos_to_train": 2,
    "export.parity_photos": 8,
    "evaluate.target_fmrs": [0.1, 0.05],
    "evaluate.default_operating_point": "fmr_5e-2",
    "evaluate.failure_modes.max_photos": 4,
    "gate.policy": "policies/tiny.yaml",
}
POLICIES = {
    # Two epochs on a few faces teach nothing; what is tested is the path, so the bar is the floor.
    "tiny": [
        {"metric": "overall/auc", "direction": "at_least", "bound": 0.0},
        {"metric": "parity/cosine_min", "direction": "at_least", "bound": 0.99},
    ],
    "strict": [{"metric": "overall/auc", "direction": "at_least", "bound": 1.0}],
    "spotless": [{"metric": "overall/eer", "direction": "at_most", "bound": 0.0}],
}


@dataclass(frozen=True, slots=True)
class Workspace:
    """A git and DVC repository of the project's files."""

    root: Path

    def run(
        self,
        *command: str,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        timeout_s: int = 540,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the project's environment in the workspace."""
        result = subprocess.run(
            self.resolve(command),
            cwd=self.root,
            env={**self.environment(), **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and result.returncode != 0:
            raise AssertionError(f"{command}:\n{result.stdout}\n{result.stderr}")
        return result

    def resolve(self, command: Sequence[str]) -> list[str]:
        """Put the environment's own programs in front."""
        program = Path(sys.executable).parent / command[0]
        return [str(program) if program.exists() else command[0], *command[1:]]

    def environment(self) -> dict[str, str]:
        """The surroundings, without anything that would lead out of the workspace."""
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "GIT_", "DVC_"))
        }
        return {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.root),  # the workspace's rooms, not the installed ones
            "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "0.5",  # the tiny run ends within seconds
            "GIT_AUTHOR_NAME": "test",
            "GIT_AUTHOR_EMAIL": "test@localhost",
            "GIT_COMMITTER_NAME": "test",
            "GIT_COMMITTER_EMAIL": "test@localhost",
        }

    def params(self) -> dict[str, object]:
        """The parameters in force."""
        content: dict[str, object] = yaml.safe_load((self.root / "params.yaml").read_text())
        return content

    def set_params(self, changes: Mapping[str, object]) -> None:
        """Change parameters by dotted key; every key must exist."""
        params = self.params()
        for key, value in changes.items():
            *parents, last = key.split(".")
            section = params
            for parent in parents:
                section = section[parent]  # type: ignore[assignment]  # nested mappings of YAML
            assert last in section, key
            section[last] = value
        (self.root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))

    def commit(self, message: str) -> None:
        """Commit everything that is not ignored."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", message)


def copy_project(target: Path) -> Workspace:
    """Copy the files that git tracks or would track, and make a repository of them."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listing.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)
    workspace = Workspace(target)
    workspace.run("git", "init", "--quiet", "--initial-branch", "main")
    return workspace


@pytest.fixture(scope="session")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The pipeline, run once from nothing to a registered model, and committed."""
    workspace = copy_project(tmp_path_factory.mktemp("campus") / "examgate")
    for name, rules in POLICIES.items():
        policy = {"name": name, "description": "of the tests", "rules": rules}
        (workspace.root / f"policies/{name}.yaml").write_text(yaml.safe_dump(policy))
    workspace.set_params(TINY)
    (workspace.root / "dvc.lock").unlink(missing_ok=True)
    shutil.rmtree(workspace.root / "reports", ignore_errors=True)
    workspace.commit("tiny campus")
    workspace.run("dvc", "repro")
    workspace.run("examgate", "register")
    workspace.commit("first run")
    return workspace
