"""`examgate train --dry-run` on a small set in the layout of MS1MV3."""

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from data.recordio.writer import LabelledPicture, write_record_set
from data.splits import assign_splits
from pipelines.cli import app
from pipelines.curate import divided
from pipelines.data_at_hand import data_at_hand
from pipelines.errors import PipelineError
from pipelines.forecast import Forecast
from pipelines.ingest import ingest
from pipelines.layout import Layout
from pipelines.overlays import load_recipe
from pipelines.params import Params
from training.cost.flops import num_parameters
from training.schedule import rate_share

ROOT = Path(__file__).resolve().parents[2]
NUM_PEOPLE, NUM_EACH = 20, 6
Dry = Callable[..., tuple[int, str]]


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    rng = np.random.default_rng(3)
    pictures = (
        LabelledPicture(
            number // NUM_EACH,
            cv2.imencode(".jpg", rng.integers(0, 256, (112, 112, 3), np.uint8))[1].tobytes(),
        )
        for number in range(NUM_PEOPLE * NUM_EACH)
    )
    write_record_set(tmp_path / "sets/own", pictures)
    monkeypatch.setenv("EXAMGATE_DATA_DIR", str(tmp_path / "sets"))
    layout = Layout(tmp_path / "tree")
    layout.root.mkdir()
    return layout


def _recipe(layout: Layout, train: str = "", source: str = "kind: recordio") -> Path:
    path = layout.root.parent / "recipe.yaml"
    path.write_text(
        f"extends: {ROOT}/params/r50.yaml\n"
        f"ingest: {{source: {{{source}}}}}\n"
        "train: {batch_size: 16, micro_batch_size: 4, processes: 2, compile: false, device: cpu,"
        " threads: 1, loader: {decode_threads: 1, prefetch_steps: 1},"
        " network: {depths: [1, 1, 1, 1], widths: [4, 4, 8, 8], embedding_dim: 16},"
        f" validation: {{share: 0.1}}{train}}}\n"
    )
    return path


@pytest.fixture
def dry(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Dry:
    def run(**settings: str) -> tuple[int, str]:
        monkeypatch.chdir(layout.root)
        arguments = ["train", "--dry-run", "--recipe", str(_recipe(layout, **settings))]
        answer = CliRunner().invoke(app, arguments)
        return answer.exit_code, answer.output if not answer.exception else str(answer.exception)

    return run


def _params(layout: Layout, **settings: str) -> Params:
    return load_recipe(_recipe(layout, **settings))


def test_two_real_steps_run_and_nothing_is_written(layout: Layout, dry: Dry) -> None:
    before = sorted(layout.root.parent.rglob("*"))
    status, said = dry()
    assert status == 0, said
    losses = [float(loss) for loss in re.findall(r"step \d: loss ([\d.]+)", said)]
    assert len(losses) == 2
    assert all(np.isfinite(losses))
    after = [path for path in sorted(layout.root.parent.rglob("*")) if path.name != "recipe.yaml"]
    assert after == before


def test_it_says_how_much_there_is_and_how_it_is_shared(layout: Layout, dry: Dry) -> None:
    params = _params(layout)
    data = data_at_hand(params, layout)
    num_people, num_crops = int(data.labels.max()) + 1, int((data.labels >= 0).sum())
    _, said = dry()
    assert f"{NUM_PEOPLE * NUM_EACH} images, of which {num_crops} of {num_people} people" in said
    assert f"{num_people - round(num_people * 0.1)} classes" in said
    assert f"{num_parameters(params.train.network):,} parameters" in said
    assert "16 images = 2 x 4 x 2 processes; it fits 1, 2, 4 processes" in said


def test_classes_are_those_that_curate_would_give(layout: Layout) -> None:
    params = _params(layout)
    ingest(params, layout)
    table = pd.read_parquet(layout.source_manifest)
    split = divided(table, None, params.curate.splits)
    assert split.equals(assign_splits(table, params.curate.splits))
    labels = data_at_hand(params, layout).labels
    np.testing.assert_array_equal(labels >= 0, (split == "train").to_numpy())
    names = table.loc[(split == "train").to_numpy(), "subject_id"]
    np.testing.assert_array_equal(labels[labels >= 0], pd.factorize(names, sort=True)[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"source": "file: lost/train.rec"},
            r"sets/lost/train\.rec: there is no such file.*at face",
        ),
        ({"source": "stated_pictures: 121"}, "holds 120 pictures and 121 are stated"),
        ({"source": "kind: lfw, folder: lfw"}, r"curate/manifest\.parquet: there is no such file"),
        ({"train": ", batch_size: 18"}, "18 is no multiple of micro_batch_size 4"),
        ({"train": ", processes: 3"}, "cannot be shared by 3 processes .* it can by 1, 2, 4"),
        ({"train": ", batch_sise: 16"}, r"recipe\.yaml, train\.batch_sise"),
    ],
)
def test_what_would_stop_the_run_is_named(dry: Dry, settings: dict[str, str], message: str) -> None:
    status, said = dry(**settings)
    assert status == 1
    assert re.search(message, said), said


def test_training_itself_is_a_stage(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(layout.root)
    answer = CliRunner().invoke(app, ["train"])
    assert answer.exit_code == 2
    assert "dvc repro train" in answer.output


@pytest.mark.parametrize("warmup_epochs", [0.0, 0.4, 2.0])
@pytest.mark.parametrize("schedule", ["poly", "cosine"])
def test_rates_told_are_those_of_every_step(
    layout: Layout, warmup_epochs: float, schedule: str
) -> None:
    params = _params(layout, train=f", schedule: {schedule}, warmup_epochs: {warmup_epochs}")
    forecast = Forecast(params.train, num_classes=9, num_crops=107, processes=1)
    steps, warmup = forecast.num_steps, warmup_epochs * forecast.plan.steps_per_epoch
    assert steps == 20 * (107 // 16)
    shares = [rate_share(step, steps, warmup, params.train.schedule) for step in range(steps)]
    told = next(line for line in forecast.lines() if line.startswith("rate"))
    first, highest, last = (float(number) for number in re.findall(r"([\d.e-]+) at", told))
    assert first == pytest.approx(0.1 * shares[0], rel=0.01)
    assert highest == pytest.approx(0.1 * max(shares), rel=0.01)
    assert last == pytest.approx(0.1 * shares[-1], rel=0.01)
    assert forecast.hours(1000.0) == pytest.approx(steps * 16 / 3.6e6)


def test_errors_are_ours() -> None:
    """So that the command ends in one line."""
    with pytest.raises(PipelineError):
        load_recipe(ROOT / "params/none.yaml")
