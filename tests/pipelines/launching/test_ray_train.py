"""Ranks as workers of a real Ray cluster of this machine, of two cores."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from pipelines.errors import LaunchError
from pipelines.ray_train import check_shared, line_of
from tests.pipelines.launching.toy import expected, saved
from training.errors import TrainingDataError, WorldError

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 500


def _run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.pipelines.launching.run_toy", str(folder), "12", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def _ray_processes() -> set[int]:
    found = psutil.process_iter(["name", "cmdline"])
    return {p.pid for p in found if _is_of_ray(p.info["name"], "".join(p.info["cmdline"] or []))}


def _is_of_ray(name: str, command: str) -> bool:
    return name in {"raylet", "gcs_server"} or command.startswith("ray::")


@pytest.mark.slow
def test_lost_rank_is_started_again_and_goes_on(tmp_path: Path) -> None:
    """Two ranks count; one is lost on the way; all start again from what was saved."""
    before = _ray_processes()
    done = _run(tmp_path, "--ray", "2", "--trouble", "once")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lost").exists()
    assert "rank 0 of 2 begins at step 5" in done.stderr
    assert saved(tmp_path) == (12, expected(12))
    assert _ray_processes() <= before


def test_file_that_a_node_does_not_share_is_named(tmp_path: Path) -> None:
    crops = tmp_path / "crops.npy"
    with pytest.raises(LaunchError, match=r"node .*crops\.npy is not there; .* shared file system"):
        check_shared(crops, 3)
    crops.write_bytes(b"ab")
    with pytest.raises(LaunchError, match="has 2 bytes instead of 3"):
        check_shared(crops, 3)
    check_shared(crops, 2)


def test_rank_that_began_it_is_named() -> None:
    follows, typed = WorldError("lost the others"), TrainingDataError("crops: none")
    assert (
        line_of({0: follows, 1: typed}, 2) == "rank 1 of 2 failed: TrainingDataError: crops: none"
    )
    assert line_of({0: follows, 1: OSError()}, 2).startswith("rank 1 of 2 was lost (OSError")
    assert line_of({}, 2) == "Ray could not run the ranks; see above"
