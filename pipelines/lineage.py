"""Which code, data and parameters a model came from, as digests that anybody can recompute."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Final

import yaml

from data.files import sha256_bytes, sha256_file

ROOMS: Final = ("data", "training", "evaluation", "serving", "pipelines")
TRAINED_LICENCE: Final = "Apache-2.0"
"""Of the models that are trained here, as far as it is ours to give."""
SEALED_STAGES: Final = ("ingest", "align", "curate", "train", "export", "evaluate")
"""Stages whose entries of dvc.lock are complete when `gate` seals a release."""


def git_commit(root: Path) -> str:
    """Commit that is checked out, with `-dirty` where files differ, or `unknown` without git."""
    describe = _git(root, "rev-parse", "HEAD")
    if not describe:
        return "unknown"
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", *ROOMS)
    return f"{describe}-dirty" if changed else describe


def code_sha256(root: Path) -> str:
    """Digest over the Python files of all rooms."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            digest.update(f"{sha256_file(path)}  {path.relative_to(root).as_posix()}\n".encode())
    return digest.hexdigest()


def lineage_sha256(root: Path) -> str | None:
    """Digest of what dvc.lock says of the stages before `gate`; None without a dvc.lock.

    It stays checkable: the same entries stand in the dvc.lock that is committed with the run.
    """
    lock = root / "dvc.lock"
    if not lock.exists():
        return None
    stages = yaml.safe_load(lock.read_text(encoding="utf-8")).get("stages", {})
    entries = {name: stages[name] for name in SEALED_STAGES if name in stages}
    return sha256_bytes(json.dumps(entries, sort_keys=True).encode())


def _git(root: Path, *arguments: str) -> str:
    result = subprocess.run(  # noqa: S603 - fixed arguments
        ["git", *arguments],  # noqa: S607 - found on the PATH like every tool of the Makefile
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip() if result.returncode == 0 else ""
