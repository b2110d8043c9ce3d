from pathlib import Path

import pytest
import torch
from pydantic import JsonValue

from tests.training.checkpoints.states import CONFIG, Case, differing, emptied, store
from training.checkpoints.host_copies import HostCopies
from training.checkpoints.state import PerRank
from training.checkpoints.store import CheckpointStore
from training.errors import CheckpointError
from training.world import alone

ALONE = alone("cpu")


def _save(checkpoints: CheckpointStore, *steps: int, keep: bool = False) -> None:
    for step in steps:
        checkpoints.save(step, Case(step, ALONE).value(), {"step": step}, keep=keep)
    checkpoints.wait()


def _is_bit_exact(checkpoints: CheckpointStore, step: int) -> bool:
    state = emptied(Case(0, ALONE).value())
    checkpoints.load(step, state)
    return differing(state, Case(step, ALONE).value()) == []


def test_what_is_saved_is_the_state_at_that_moment(tmp_path: Path) -> None:
    with store(tmp_path) as checkpoints:
        state = Case(5, ALONE).value()
        checkpoints.save(5, state, {})
        emptied(state)
        assert _is_bit_exact(checkpoints, 5)


def test_a_copy_has_nothing_in_common_with_what_was_copied() -> None:
    state, copies = Case(5, ALONE).value(), HostCopies()
    taken = copies.take(state)
    emptied(state)
    assert differing(taken, Case(5, ALONE).value()) == []
    assert differing(copies.take(Case(6, ALONE).value()), Case(6, ALONE).value()) == []


def test_facts_come_back_as_they_were_when_saved(tmp_path: Path) -> None:
    facts: dict[str, JsonValue] = {
        "samples_seen": 12,
        "config": {"amp": "bf16", "rates": [0.1, None]},
    }
    with store(tmp_path) as checkpoints:
        checkpoints.save(3, {}, facts)
        facts["samples_seen"] = 13
        restored = checkpoints.load(3, {})
    assert restored.facts == {**facts, "samples_seen": 12}
    assert (restored.step, restored.world_size, restored.left_alone) == (3, 1, ())


@pytest.mark.parametrize("wrong", [float("nan"), Path("x"), {1, 2}])
def test_facts_that_are_no_json_are_refused(tmp_path: Path, wrong: object) -> None:
    with store(tmp_path) as checkpoints, pytest.raises(CheckpointError, match="must be JSON"):
        checkpoints.save(3, {}, {"odd": wrong})  # type: ignore[dict-item]


def test_nothing_that_is_written_is_a_pickle(tmp_path: Path) -> None:
    with store(tmp_path) as checkpoints:
        _save(checkpoints, 1)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*"))
    assert files == [
        "run.json",
        "step_000000001/rank_00000.safetensors",
        "step_000000001/state.json",
    ]
    for path in tmp_path.rglob("*.*"):
        assert not path.read_bytes().startswith((b"\x80", b"PK"))


def test_a_new_folder_has_no_latest(tmp_path: Path) -> None:
    with store(tmp_path / "deep" / "new") as checkpoints:
        assert checkpoints.latest() is None
        with pytest.raises(CheckpointError, match="no checkpoint of step 7"):
            checkpoints.load(7, {})


def test_names_and_shapes_must_be_those_that_were_saved(tmp_path: Path) -> None:
    with store(tmp_path) as checkpoints:
        _save(checkpoints, 1)
        state = emptied(Case(0, ALONE).value())
        state["stranger"] = state.pop("half")
        state["steps"] = PerRank(torch.tensor(0))
        before = HostCopies().take(state)
        with pytest.raises(CheckpointError) as caught:
            checkpoints.load(1, state)
        assert differing(state, before) == []
    for part in (
        "stranger is missing",
        "half is left over",
        "steps is replicated int64 [] and should be per_rank int64 []",
    ):
        assert part in str(caught.value)


def test_a_step_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    with store(tmp_path) as checkpoints:
        _save(checkpoints, 4)
        checkpoints.save(4, emptied(Case(4, ALONE).value()), {})
        assert _is_bit_exact(checkpoints, 4)


def test_old_checkpoints_go_and_marked_ones_stay(tmp_path: Path) -> None:
    with store(tmp_path, keep_last=2) as checkpoints:
        _save(checkpoints, 1, 2)
        _save(checkpoints, 3, keep=True)
        _save(checkpoints, 4)
        _save(checkpoints, 4, keep=True)
        _save(checkpoints, 5, 6, 7)
        assert checkpoints.steps() == (3, 4, 6, 7)
        assert checkpoints.latest() == 7
        assert all(_is_bit_exact(checkpoints, step) for step in (3, 4, 6, 7))
    names = ["run.json", *(f"step_00000000{step}" for step in (3, 4, 6, 7))]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_what_a_crash_left_is_cleared(tmp_path: Path) -> None:
    with store(tmp_path) as checkpoints:
        _save(checkpoints, 1)
    for name in ("step_000000002.partial", "step_000000003.damaged"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rank_00000.safetensors").write_bytes(b"half")
    with store(tmp_path) as checkpoints:
        assert checkpoints.steps() == (1,)
    assert not (tmp_path / "step_000000002.partial").exists()
    assert (tmp_path / "step_000000003.damaged").exists()


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    with store(tmp_path) as checkpoints:
        _save(checkpoints, 1)
    for identity, names in (
        ({"config": "c2", "data": "d1"}, "config differ"),
        ({"config": "c1", "code": "x"}, "code, data differ"),
    ):
        with pytest.raises(CheckpointError, match=f"{names}; go on with"):
            CheckpointStore(tmp_path, CONFIG, ALONE, identity)
    with store(tmp_path) as checkpoints:
        assert _is_bit_exact(checkpoints, 1)


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    (tmp_path / "step_000000001.partial").mkdir()
    with pytest.raises(CheckpointError, match=r"not a folder of checkpoints, it holds photo\.jpg"):
        store(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(CheckpointError, match="cannot be made a folder"):
        store(tmp_path / "photo.jpg")
    for content in ("{}", "[", '{"format": "x", "identity": {}}', '"text"'):
        (tmp_path / "run.json").write_text(content)
        with pytest.raises(CheckpointError, match=r"run\.json"):
            store(tmp_path)


def test_a_disk_without_room_is_named_before_anything_is_written(tmp_path: Path) -> None:
    with store(tmp_path) as checkpoints:
        _save(checkpoints, 1)
    with store(tmp_path, leave_free_gb=1e9) as checkpoints:
        checkpoints.save(2, Case(2, ALONE).value(), {})
        with pytest.raises(CheckpointError, match=r"a checkpoint needs 0\.0 MB and leave .* free"):
            checkpoints.wait()
        assert checkpoints.steps() == (1,)
        assert _is_bit_exact(checkpoints, 1)


def test_an_error_of_the_background_is_raised_by_whoever_comes_next(tmp_path: Path) -> None:
    checkpoints = store(tmp_path, leave_free_gb=1e9)
    checkpoints.save(1, {}, {})
    with pytest.raises(CheckpointError, match="disk is full"):
        checkpoints.save(2, {}, {})
    checkpoints.save(3, {}, {})
    with pytest.raises(CheckpointError, match="disk is full"), checkpoints:
        pass


def test_closing_does_not_hide_the_error_that_ends_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        with store(tmp_path, leave_free_gb=1e9) as checkpoints:
            checkpoints.save(1, {}, {})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert "disk is full" in caplog.text
