"""The card says what is known, and what is not."""

from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
import torch
from mlflow import MlflowClient

from pipelines.hardware import Hardware, energy_counter_j, hardware
from pipelines.model_card import (
    CostFacts,
    DataFacts,
    ModelCard,
    network_facts,
    render,
    source_note,
)
from pipelines.params import load_params
from pipelines.run_records import write_model_card
from pipelines.tracking import RunRecord, flatten, start_training_run
from training.network.iresnet import IResNet

ROOT = Path(__file__).resolve().parents[2]
PARAMS = load_params(ROOT / "params.yaml")
RUN = RunRecord(
    mlflow_run_id="run-7",
    git_commit="c0ffee-dirty",
    code_sha256="1" * 64,
    params_sha256="2" * 64,
    data_sha256="3" * 64,
    checkpoint_sha256="4" * 64,
)
CARD = ModelCard(
    name="examgate-campus",
    licence="Apache-2.0",
    network=network_facts(PARAMS),
    data=DataFacts(source_kind="campus", num_people=162, num_crops=1601, num_people_aside=18),
    recipe=flatten(PARAMS.train.model_dump(mode="json")),
    last_epoch={"loss": 1.23456789, "validation_auc": 0.98},
    cost=CostFacts(
        hardware=Hardware("a processor", num_processes=2, num_threads=3, torch_version="2.13"),
        wall_time_s=61.4,
        energy_j=None,
    ),
    run=RUN,
)


def test_card_names_run_data_and_every_parameter() -> None:
    text = render(CARD)
    for known in (
        "run-7",
        "c0ffee-dirty",
        *(digit * 64 for digit in "1234"),
        "| 162 |",
        "| 1,601 |",
    ):
        assert known in text
    for name, value in CARD.recipe.items():
        assert f"| {name} | {value} |" in text
    assert "| loss | 1.23457 |" in text
    assert "| wall time | 61 s |" in text


def test_network_is_counted_as_it_is_built() -> None:
    built = sum(parameter.numel() for parameter in IResNet(PARAMS.train.network).parameters())
    assert f"| parameters | {built:,} |" in render(CARD)


def test_synthetic_data_come_with_their_caveat() -> None:
    assert "never seen a real face" in render(CARD)
    real = replace(CARD, data=replace(CARD.data, source_kind="folder"))
    assert "never seen a real face" not in render(real)
    assert "answers for the right to train" in render(real)


@pytest.mark.parametrize("kind", ["recordio", "verification_bin", "of tomorrow"])
def test_source_of_unknown_licence_says_so(kind: str) -> None:
    assert "not known to this repository" in source_note(kind)


def test_energy_is_given_only_where_it_was_measured() -> None:
    assert "| energy | not measured |" in render(CARD)
    measured = replace(CARD, cost=replace(CARD.cost, energy_j=7.2e6))
    assert "| energy | 2 kWh, GPUs |" in render(measured)


def test_card_says_where_error_rates_will_be_and_claims_none() -> None:
    text = render(CARD)
    assert "artifacts/evaluate/report.json" in text
    assert "artifacts/gate/decision.json" in text
    for word in ("FNMR", "FMR", "TAR"):
        assert word not in text


def test_bars_and_line_breaks_stay_inside_their_cell() -> None:
    odd = replace(CARD, recipe={"a|b": "c\nd"})
    assert "| a\\|b | c d |" in render(odd)


def test_card_is_written_and_logged_alike(client: MlflowClient, tmp_path: Path) -> None:
    with start_training_run(tmp_path, {}, {}) as run_id:
        write_model_card(tmp_path / "model_card.md", CARD)
    assert (tmp_path / "model_card.md").read_text() == render(CARD)
    assert [f.path for f in client.list_artifacts(run_id)] == ["model_card.md"]
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/model_card.md") == render(CARD)


def test_equal_cards_are_equal_text() -> None:
    assert render(CARD) == render(replace(CARD))


def test_this_machine_has_a_name_and_its_processor_counts_no_energy() -> None:
    cpu = torch.device("cpu")
    found = hardware(cpu, num_processes=2)
    assert found.device
    assert (found.num_processes, found.torch_version) == (2, torch.__version__)
    assert energy_counter_j(cpu) is None
