"""Sweeps: real trials in processes of their own, one of which wants more memory than there is."""

from pathlib import Path

import mlflow
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow import MlflowClient
from typer.testing import CliRunner

from pipelines import cli
from pipelines.errors import PipelineError, SweepError
from pipelines.layout import Layout
from pipelines.sweep import SweepOptions, SweepRow, best, options_of, run_sweep, trials
from pipelines.sweep_figures import draw_sweep, sweep_table
from pipelines.sweep_records import num_people, record_sweep, verdict
from pipelines.sweep_trial import TrialOutcome
from training.config import TrainConfig
from training.network.iresnet import IResNetConfig
from training.throughput import StepTimes
from training.trial import TrialResult

TINY = TrainConfig(
    network=IResNetConfig(depths=(1, 1, 1, 1), widths=(4, 4, 8, 8), embedding_dim=16),
    device="cpu",
    threads=1,
)
ABSURD = 100_000


def _options(**values: object) -> SweepOptions:
    usual: dict[str, object] = {
        "batch_sizes": (2,),
        "precisions": ("off",),
        "num_classes": 10,
        "num_steps": 2,
        "num_warmup_steps": 1,
        "memory_share": 0.9,
        "memory_limit_bytes": 2 << 30,
    }
    return options_of(**(usual | values))


def _row(batch_size: int, images_per_s: float, memory_bytes: int) -> SweepRow:
    result = TrialResult(
        step_s=batch_size / images_per_s,
        images_per_s=images_per_s,
        times=StepTimes.of({"forward": 1.0}),
        mfu=None,
        peak_memory_bytes=memory_bytes,
        total_memory_bytes=1000,
    )
    return SweepRow(batch_size, "off", False, TrialOutcome(status="ok", result=result))


OUT_OF_MEMORY = SweepRow(512, "off", False, TrialOutcome(status="out of memory", message="no"))


def test_sweep_goes_on_where_memory_runs_out_and_is_recorded(
    client: MlflowClient, tmp_path: Path
) -> None:
    options = _options(batch_sizes=(ABSURD, 2), precisions=("off", "bf16"))
    seen: list[SweepRow] = []
    found = record_sweep(TINY, options, tmp_path, tmp_path / "out", seen.append)
    table = pd.read_csv(tmp_path / "out/sweep.csv")
    assert table["status"].tolist() == ["out of memory", "ok"] * 2
    assert table["setting"].tolist() == ["off", "off", "bf16", "bf16"]
    assert len(seen) == 4
    ran = table[table["status"] == "ok"]
    assert (ran["images_per_s"] > 0).all()
    assert (ran["memory_share"].between(0, 1, inclusive="neither")).all()
    assert (ran["mfu"] > 0).all()
    parts = ran[[f"{p}_ms" for p in ("forward", "head", "backward", "optimiser")]]
    assert (parts > 0).all(axis=None)
    assert table[table["batch_size"] == ABSURD]["message"].str.contains("memory").all()
    assert (tmp_path / "out/sweep.png").read_bytes().startswith(b"\x89PNG")
    logged = {f.path for f in client.list_artifacts(found.run_id, "sweep")}
    assert logged == {"sweep/sweep.csv", "sweep/sweep.png"}
    run = client.get_run(found.run_id)
    assert run.data.metrics["best/batch_size"] == 2
    assert run.data.params["sweep.batch_sizes"] == f"[{ABSURD}, 2]"
    assert found.verdict.startswith("best: batch 2, ")
    assert mlflow.active_run() is None


def test_process_that_is_killed_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system kills where memory runs out; and a process that dies otherwise is another."""
    for body, status, said in (
        ("kill -9 $$", "out of memory", "killed"),
        ("kill -11 $$", "failed", "SIGSEGV"),
        ("echo no such thing >&2; exit 4", "failed", "no such thing"),
    ):
        fake = tmp_path / "python"
        fake.write_text(f"#!/bin/sh\ncat > /dev/null\n{body}\n")
        fake.chmod(0o700)
        monkeypatch.setattr("sys.executable", str(fake))
        seen: list[SweepRow] = []
        with pytest.raises(SweepError, match=f"none of 1 trials.*{said}"):
            run_sweep(trials(TINY, _options()), None, seen.append)
        assert [row.outcome.status for row in seen] == [status]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"batch_sizes": ("many",)}, "batch_sizes.0.*'many'"),
        ({"batch_sizes": ()}, "batch_sizes"),
        ({"num_classes": 1}, "num_classes"),
        ({"num_steps": 0}, "num_steps"),
        ({"memory_share": 1.5}, "memory_share"),
        ({"batch_sizes": (1,)}, "batch_size.*got 1"),
        ({"precisions": ("fp8",)}, "amp.*'fp8'"),
        ({"network": "r51"}, "r51.*r50"),
    ],
)
def test_impossible_options_are_named(values: dict[str, object], named: str) -> None:
    with pytest.raises(SweepError, match=named):
        trials(TINY, _options(**values))


def test_published_network_takes_the_place_of_the_recipes() -> None:
    (trial,) = trials(TINY, _options(network="r18"))
    assert trial.config.network == IResNetConfig(depths=(2, 2, 2, 2))


def test_command_names_a_bad_option() -> None:
    ran = CliRunner().invoke(cli.app, ["sweep-batch", "--batch-sizes", "8,x", "--classes", "5"])
    assert isinstance(ran.exception, PipelineError)
    assert "'x'" in str(ran.exception)


def test_unknown_number_of_people_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="--classes"):
        num_people(Layout(tmp_path))


def test_best_is_the_fastest_that_leaves_memory_free() -> None:
    rows = [_row(8, 100, 100), _row(16, 200, 500), OUT_OF_MEMORY, _row(64, 400, 950)]
    assert best(rows, 0.9, None) is rows[1]
    assert best(rows, 0.95, None) is rows[3]
    assert best(rows, 0.9, 2000) is rows[3]
    assert best(rows, 0.05, None) is None
    assert "smaller batches" in verdict(None, _options())


def test_tie_goes_to_the_smaller_batch() -> None:
    rows = [_row(64, 101, 10), _row(16, 100, 10), _row(32, 100.5, 10), _row(8, 98, 10)]
    assert best(rows, 0.9, None) is rows[1]


@given(
    st.lists(st.tuples(st.integers(2, 9), st.floats(1, 1e4), st.integers(1, 1000)), min_size=1),
    st.floats(0.01, 1),
)
def test_best_fits_and_nothing_that_fits_is_much_faster(
    trials_made: list[tuple[int, float, int]], memory_share: float
) -> None:
    rows = [_row(*made) for made in trials_made]
    found = best(rows, memory_share, None)
    fitting = [row for row in rows if (row.memory_share(None) or 1) <= memory_share]
    assert (found is None) == (not fitting)
    if found is not None:
        assert found in fitting
        assert found.outcome.result is not None
        fastest = max(r.outcome.result.images_per_s for r in fitting if r.outcome.result)
        assert found.outcome.result.images_per_s >= 0.98 * fastest


def test_picture_holds_a_line_for_each_setting() -> None:
    table = sweep_table([_row(8, 100, 100), _row(16, 150, 200), OUT_OF_MEMORY], None)
    speed, memory = draw_sweep(table).axes
    (line,) = speed.lines
    assert list(line.get_ydata()) == [100, 150]  # type: ignore[arg-type]
    assert len(memory.lines) == 2
