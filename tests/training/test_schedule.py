from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from training.config import Schedule, TrainConfig
from training.schedule import rate_share

SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)


@given(
    num_steps=st.integers(1, 300),
    warmup_steps=st.floats(0, 50),
    schedule=st.sampled_from(SCHEDULES),
)
def test_rises_then_falls_and_never_reaches_zero(
    num_steps: int, warmup_steps: float, schedule: Schedule
) -> None:
    shares = [rate_share(step, num_steps, warmup_steps, schedule) for step in range(num_steps)]
    assert all(0 < share <= 1 for share in shares)
    falling = [share for step, share in enumerate(shares) if step >= warmup_steps]
    rising = shares[: len(shares) - len(falling)]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("poly", [1.0, 0.75, 0.5, 0.25]), ("cosine", [1.0, 0.8535534, 0.5, 0.1464466])],
)
def test_known_values(schedule: Schedule, expected: list[float]) -> None:
    assert [rate_share(step, 4, 0, schedule) for step in range(4)] == pytest.approx(expected)


def test_warmup_rises_in_equal_steps() -> None:
    shares = [rate_share(step, 10, 3, "poly") for step in range(4)]
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1.0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 1},
        {"schedule": "step"},
        {"amp": "fp8"},
        {"validation_share": 1},
        {"threads": 0},
        {"learning_rat": 0.1},
        {"network": {"depth": 50}},
    ],
)
def test_config_refuses_nonsense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainConfig.model_validate(wrong)


def test_config_survives_json() -> None:
    config = TrainConfig(epochs=3, schedule="cosine")
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config
