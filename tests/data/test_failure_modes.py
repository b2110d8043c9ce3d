from pathlib import Path

import pytest

from data.degrade.degrade import OPERATORS
from data.failure_modes.registry import (
    FOLDER,
    FailureMode,
    FailureModeError,
    Transform,
    read_failure_modes,
)

WANTED = {
    "blur",
    "low_light",
    "glare",
    "occlusion",
    "glasses",
    "masks",
    "look_alikes",
    "siblings",
    "same_mask",
    "same_sunglasses",
}
SOUND = (FOLDER / "masks.yaml").read_text()


@pytest.fixture(scope="module")
def modes() -> dict[str, FailureMode]:
    return {mode.id: mode for mode in read_failure_modes()}


def test_the_registry_is_whole_and_sorted(modes: dict[str, FailureMode]) -> None:
    assert set(modes) >= WANTED
    assert list(modes) == sorted(modes)
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(modes)


def test_what_has_a_price_in_security_is_judged_by_false_matches(
    modes: dict[str, FailureMode],
) -> None:
    for name in ("same_mask", "same_sunglasses"):
        how = modes[name].how
        assert isinstance(how, Transform)
        assert (how.side, how.alike, modes[name].metric) == ("both", True, "fmr")
    assert modes["siblings"].metric == modes["look_alikes"].metric == "fmr"


def test_every_mode_names_operators_that_exist(modes: dict[str, FailureMode]) -> None:
    used = {
        operator
        for mode in modes.values()
        if isinstance(mode.how, Transform)
        for operator in mode.how.operators
    }
    assert used <= set(OPERATORS)
    assert {"motion_blur", "low_light", "glare", "hand", "glasses", "mask"} <= used


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("status: open", "status: open\ncolour: red", "colour: Extra inputs"),
        ("status: open", "status: closed", "status"),
        ("bound: 0.85", "bound: 1.5", "bound"),
        ("operators: [mask]", "operators: [burqa]", "operators"),
        ("severities: [0.5, 1.0]", "severities: [1.0, 0.5]", "do not rise"),
        ("severities: [0.5, 1.0]", "severities: [0.0]", "severities"),
        ("side: probe", "side: left", "side"),
        ("kind: transform", "kind: magic", "how"),
        ("bound: 0.85\n", "", "bound: Field required"),
        ("id: masks", "id: mask", "name the file mask.yaml"),
        ("id: masks", "id: [", "cannot be read"),
    ],
)
def test_a_broken_file_is_named_with_its_key(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    assert old in SOUND
    (tmp_path / "masks.yaml").write_text(SOUND.replace(old, new))
    with pytest.raises(FailureModeError, match=named) as caught:
        read_failure_modes(tmp_path)
    assert "masks.yaml" in str(caught.value)


def test_a_selection_has_no_refusals_to_be_judged_by(tmp_path: Path) -> None:
    text = (FOLDER / "siblings.yaml").read_text()
    (tmp_path / "siblings.yaml").write_text(text.replace("metric: fmr", "metric: refused_share"))
    with pytest.raises(FailureModeError, match="take fnmr or fmr"):
        read_failure_modes(tmp_path)


def test_no_files_are_no_modes(tmp_path: Path) -> None:
    assert read_failure_modes(tmp_path) == ()
