"""Checkpoints that are not what was written."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.training.checkpoints.states import Case, differing, emptied, store
from training.errors import CheckpointError
from training.world import alone

ALONE = alone("cpu")
FILES = ("rank_00000.safetensors", "state.json")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    with store(folder, keep_last=5) as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, Case(step, ALONE).value(), {"step": step})
    return folder


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "run"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(FILES), share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found_and_nothing_is_filled(
    saved: Path, name: str, share: float, bit: int
) -> None:
    path = saved / "step_000000002" / name
    content = path.read_bytes()
    damaged = bytearray(content)
    damaged[int(share * len(content))] ^= 1 << bit
    state = emptied(Case(0, ALONE).value())
    try:
        path.write_bytes(damaged)
        with store(saved) as checkpoints, pytest.raises(CheckpointError, match=name):
            checkpoints.load(2, state)
    finally:
        path.write_bytes(content)
    assert differing(state, emptied(Case(0, ALONE).value())) == []


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])]
)
def test_a_file_that_is_missing_or_short_is_named(
    copied: Path, name: str, damage: Callable[[Path], object]
) -> None:
    damage(copied / "step_000000002" / name)
    with store(copied) as checkpoints:
        assert checkpoints.latest() == 2
        with pytest.raises(CheckpointError, match=rf"{name}.*set skip_damaged or delete"):
            checkpoints.load(2, Case(0, ALONE).value())
        assert checkpoints.steps() == (1, 2)


def test_a_renamed_checkpoint_is_found_out(copied: Path) -> None:
    (copied / "step_000000002").rename(copied / "step_000000009")
    with store(copied) as checkpoints, pytest.raises(CheckpointError, match="holds step 2"):
        checkpoints.load(9, Case(0, ALONE).value())


def test_going_on_from_the_one_before_is_said_aloud(
    copied: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (copied / "step_000000002" / "state.json").write_bytes(b"{}")
    with store(copied, skip_damaged=True) as checkpoints:
        assert checkpoints.latest() == 1
        assert "going on from the one before" in caplog.text
        checkpoints.load(1, state := Case(0, ALONE).value())
        assert differing(state, Case(1, ALONE).value()) == []
        # The step comes again, and must be saved although a damaged one was there.
        checkpoints.save(2, Case(2, ALONE).value(), {})
        assert checkpoints.latest() == 2
    assert (copied / "step_000000002.damaged" / "state.json").read_bytes() == b"{}"


def test_it_does_not_begin_anew_where_every_checkpoint_is_damaged(copied: Path) -> None:
    for step in (1, 2):
        (copied / f"step_00000000{step}" / FILES[0]).unlink()
    with (
        store(copied, skip_damaged=True) as checkpoints,
        pytest.raises(CheckpointError, match="every checkpoint is damaged"),
    ):
        checkpoints.latest()
