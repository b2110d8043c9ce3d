"""A few real steps, measured: figures that hang together, whatever the machine."""

import pytest
import torch
from pydantic import ValidationError

from training.config import TrainConfig
from training.throughput import total_memory_bytes
from training.trial import Trial, run_trial


def _trial(config: TrainConfig, **changes: object) -> Trial:
    usual = {"config": config, "num_classes": 5, "num_steps": 3, "num_warmup_steps": 1}
    return Trial.model_validate(usual | changes)


def test_figures_hang_together(tiny_run: TrainConfig) -> None:
    threads = torch.get_num_threads()
    found = run_trial(_trial(tiny_run))
    assert found.images_per_s == pytest.approx(tiny_run.batch_size / found.step_s)
    times = found.times
    assert min(times.forward_s, times.head_s, times.backward_s, times.optimiser_s) > 0
    assert times.data_wait_s == 0
    assert found.mfu is not None
    assert found.mfu > 0
    assert 0 < found.peak_memory_bytes < found.total_memory_bytes
    assert found.total_memory_bytes == total_memory_bytes(torch.device("cpu"))
    assert torch.get_num_threads() == threads


def test_trial_goes_to_another_process_and_back(tiny_run: TrainConfig) -> None:
    trial = _trial(tiny_run)
    assert Trial.model_validate_json(trial.model_dump_json()) == trial


@pytest.mark.parametrize("change", [{"num_classes": 1}, {"num_steps": 0}, {"num_warmup_steps": 0}])
def test_trial_that_measures_nothing_is_refused(
    tiny_run: TrainConfig, change: dict[str, object]
) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        _trial(tiny_run, **change)
