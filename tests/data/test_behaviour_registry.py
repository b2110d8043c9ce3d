from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from data.behaviour.junk import JUNK, JunkName, junk_picture
from data.behaviour.registry import (
    FOLDER,
    BehaviourCase,
    BehaviourCaseError,
    ChangedPhotos,
    Kind,
    read_behaviour,
)

SOUND = (FOLDER / "recompressed.yaml").read_text()
SECURITY = {"impostor_new_matches", "impostor_fmr", "impostor_fmr_rise"}


@pytest.fixture(scope="module")
def cases() -> dict[str, BehaviourCase]:
    return {case.id: case for case in read_behaviour()}


def test_the_registry_is_whole_and_sorted(cases: dict[str, BehaviourCase]) -> None:
    assert list(cases) == sorted(cases)
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(cases)
    assert {case.kind for case in cases.values()} == set(get_args(Kind))


def test_what_the_table_of_expected_behaviour_asks_for_is_tried(
    cases: dict[str, BehaviourCase],
) -> None:
    used = {
        operator
        for case in cases.values()
        if isinstance(case.how, ChangedPhotos)
        for operator in case.how.operators
    }
    assert used >= {
        "mirror",
        "brightness",
        "gamma",
        "white_balance",
        "jpeg",
        "scale",
        "shift",
        "rotation",
        "greyscale",
        "motion_blur",
        "defocus_blur",
        "noise",
        "low_light",
        "sunglasses",
        "mask",
    }


def test_every_change_is_held_against_strangers_too(cases: dict[str, BehaviourCase]) -> None:
    for case in cases.values():
        if isinstance(case.how, ChangedPhotos):
            assert {one.metric for one in case.expect} & SECURITY, case.id


def test_overlays_of_strangers_are_alike_on_both(cases: dict[str, BehaviourCase]) -> None:
    for name in ("strangers_in_sunglasses", "strangers_in_masks"):
        how = cases[name].how
        assert isinstance(how, ChangedPhotos)
        assert (how.side, how.alike) == ("both", True)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("status: open", "status: open\ncolour: red", "colour: Extra inputs"),
        ("kind: invariance", "kind: magic", "kind"),
        ("operators: [jpeg]", "operators: [png]", "operators"),
        ("severities: [0.39]", "severities: [0.5, 0.2]", "do not rise"),
        ("side: one", "side: probe", "side"),
        ("bound: 0.01", "bound: -1", "bound"),
        ("bound: 0.01", "bound: .nan", "bound"),
        ("metric: genuine_flip_rate", "metric: charm", "metric"),
        ("metric: genuine_flip_rate", "metric: junk_matches", "photos has no junk_matches"),
        ("metric: genuine_flip_rate", "metric: quality_rise", "belongs to a direction"),
        ("metric: genuine_flip_rate", "metric: impostor_new_matches", "expected twice"),
        ("id: recompressed", "id: jpeg", "name the file jpeg.yaml"),
        ("id: recompressed", "id: [", "cannot be read"),
    ],
)
def test_a_broken_file_is_named_with_its_key(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    assert old in SOUND
    (tmp_path / "recompressed.yaml").write_text(SOUND.replace(old, new))
    with pytest.raises(BehaviourCaseError, match=named) as caught:
        read_behaviour(tmp_path)
    assert "recompressed.yaml" in str(caught.value)


def test_no_files_are_no_cases(tmp_path: Path) -> None:
    assert read_behaviour(tmp_path) == ()


@pytest.mark.parametrize("name", JUNK)
def test_junk_is_a_picture_and_the_same_every_time(name: JunkName) -> None:
    first, again = junk_picture(name, 112, 3), junk_picture(name, 112, 3)
    assert first.shape == (112, 112, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    drawn = not np.array_equal(first, junk_picture(name, 112, 4))
    assert drawn == (name in {"noise", "coarse_noise"})


def test_junk_pictures_differ() -> None:
    assert len({junk_picture(name, 64, 0).tobytes() for name in JUNK}) == len(JUNK)
