from hypothesis import given
from hypothesis import strategies as st

from training.checkpoints.config import CheckpointsConfig
from training.checkpoints.save_clock import SaveClock


@given(every=st.integers(1, 50), step=st.integers(0, 500))
def test_steps_decide_alone_and_alike_on_every_process(every: int, step: int) -> None:
    config = CheckpointsConfig(every_steps=every, every_minutes=None)
    clocks = [SaveClock(config, now_s) for now_s in (0.0, 1e6)]
    assert {clock.is_due_by_steps(step) for clock in clocks} == {step % every == 0}
    assert not any(clock.is_due_by_time(1e9) for clock in clocks)


def test_time_counts_from_the_last_checkpoint() -> None:
    clock = SaveClock(CheckpointsConfig(every_minutes=2), now_s=1000)
    assert not clock.is_due_by_time(1119)
    assert clock.is_due_by_time(1120)
    clock.saved(1125)
    assert not clock.is_due_by_time(1244)
    assert clock.is_due_by_time(1245)
    assert not clock.is_due_by_steps(0)


def test_each_so_many_epochs_one_is_kept() -> None:
    config = CheckpointsConfig(keep_every_epochs=5)
    assert [epoch for epoch in range(1, 12) if config.keeps_epoch(epoch)] == [5, 10]
    assert not any(CheckpointsConfig().keeps_epoch(epoch) for epoch in range(1, 12))
