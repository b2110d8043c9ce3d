"""The stage `train` by several real processes: under the launcher, and on a Ray cluster."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from data.face import CROP_SIZE_PX
from data.manifest import CURATED_SCHEMA, write_manifest
from pipelines.layout import Layout

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 500
NUM_PEOPLE, CROPS_EACH = 8, 16
TINY: dict[str, Any] = {
    "batch_size": 16,
    "micro_batch_size": 4,  # so that one, two and four processes compute the same
    "amp": "off",
    "device": "cpu",
    "threads": 1,
    "log_every_steps": 20,
    "validation": {"share": 0.0, "max_crops": 64, "every_epochs": 1, "early_stop_epochs": None},
    "network": {"depths": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "embedding_dim": 16},
}


def _prepare(root: Path, empty_store: Path) -> Layout:
    """What `curate` leaves of people who are coarse patterns, and an empty MLflow."""
    layout = Layout(root)
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(NUM_PEOPLE), CROPS_EACH)
    cells = rng.uniform(40, 215, (NUM_PEOPLE, 7, 7, 3))
    large = cells.repeat(CROP_SIZE_PX // 7, 1).repeat(CROP_SIZE_PX // 7, 2)[person]
    noisy = (large + rng.normal(0, 10, large.shape)).clip(0, 255).astype(np.uint8)
    layout.crops.parent.mkdir(parents=True)
    np.save(layout.crops, noisy)
    table = pd.DataFrame({name: [None] * len(person) for name in CURATED_SCHEMA.columns})
    names = [f"{number}.png" for number in range(len(person))]
    table = table.assign(
        image_id=names,
        path=names,
        subject_id=[f"s{number}" for number in person],
        split="train",
        label=person,
        sampling_weight=1.0,
        crop_index=np.arange(len(person)),
    )
    write_manifest(table, layout.curated_manifest, CURATED_SCHEMA)
    (root / "var").mkdir()
    shutil.copyfile(empty_store, root / "var/mlflow.db")
    return layout


def _set_params(layout: Layout, **changes: object) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    network = {**params["train"]["network"], **TINY["network"]}
    params["train"] |= {**TINY, "network": network, **changes}
    layout.params.write_text(yaml.safe_dump(params, sort_keys=False))


def _start(layout: Layout, *command: str) -> subprocess.Popen[str]:
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "RAY_"))}
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=layout.root,
        env={**surroundings, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(layout: Layout, *command: str) -> str:
    process = _start(layout, *command)
    try:
        said = process.communicate(timeout=PATIENCE_S)[1]
    finally:
        process.kill()
    assert process.returncode == 0, said
    return said


def _steps_saved(layout: Layout) -> set[str]:
    return {path.name for path in layout.checkpoints.glob("*/step_*[0-9]")}


def _stop_half_way(layout: Layout) -> str:
    """Run until there is another checkpoint, then ask it to stop; what it said."""
    before = _steps_saved(layout)
    process = _start(layout, "pipelines", "train")
    deadline = time.monotonic() + PATIENCE_S
    while not _steps_saved(layout) - before:
        assert time.monotonic() < deadline, "no checkpoint"
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.terminate()
    said = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 128 + signal.SIGTERM, said
    return said


def _losses(layout: Layout) -> list[float]:
    curve = pd.read_csv(layout.plots / "training.csv")
    assert curve["epoch"].tolist() == list(range(1, len(curve) + 1))
    return curve["loss"].tolist()


@pytest.mark.parametrize("sizes", [(2, 1), pytest.param((2, 1, 4), marks=pytest.mark.slow)])
def test_run_goes_on_with_another_number_of_processes(
    sizes: tuple[int, ...], tmp_path: Path, empty_store: Path
) -> None:
    """Every run but the last is stopped by SIGTERM; the curve has no gap and no repetition."""
    layout = _prepare(tmp_path, empty_store)
    checkpoints = yaml.safe_load((ROOT / "params.yaml").read_text())["train"]["checkpoints"]
    changes = {"epochs": 16, "checkpoints": {**checkpoints, "every_steps": 8}}
    for processes in sizes[:-1]:
        _set_params(layout, **changes, processes=processes)
        assert "saved" in _stop_half_way(layout)
    _set_params(layout, **changes, processes=sizes[-1])
    _run(layout, "pipelines", "train")
    losses = _losses(layout)
    assert len(losses) == 16
    assert losses[-1] < 0.7 * losses[0]
    assert layout.checkpoint.exists()


@pytest.fixture(scope="module")
def launched_curve(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> list[float]:
    layout = _prepare(tmp_path_factory.mktemp("launched"), empty_store)
    _set_params(layout, epochs=2, processes=2)
    _run(layout, "pipelines", "train")
    return _losses(layout)


@pytest.mark.slow
def test_ranks_on_ray_learn_the_same(
    tmp_path: Path, empty_store: Path, launched_curve: list[float]
) -> None:
    layout = _prepare(tmp_path, empty_store)
    _set_params(layout, epochs=2)
    _run(layout, "pipelines.cli", "train-ray", "--workers", "2")
    assert _losses(layout) == pytest.approx(launched_curve, rel=1e-5)
    assert layout.run.exists()
