"""Recipes that say what differs: merging, chains, and faults named by file and key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import ParamsError
from pipelines.layout import Layout
from pipelines.overlays import load_recipe, merged
from pipelines.params import load_params
from pipelines.recipe import use_recipe, written_out

ROOT = Path(__file__).resolve().parents[2]

TREES = st.recursive(
    st.integers() | st.none() | st.lists(st.integers(), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.sampled_from("abcd"), TREES, max_size=4)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.yaml"
    path.write_bytes((ROOT / "params.yaml").read_bytes())
    return path


def _overlay(base: Path, text: str, name: str = "overlay.yaml") -> Path:
    path = base.with_name(name)
    path.write_text(f"extends: {base.name}\n{text}")
    return path


def _leaves(content: Mapping[str, Any], place: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for key, value in content.items():
        deeper = isinstance(value, Mapping) and value
        found.update(_leaves(value, (*place, key)) if deeper else {(*place, key): value})
    return found


@given(MAPPINGS, MAPPINGS)
def test_what_the_upper_one_says_stands_and_the_rest_stays(
    below: dict[str, Any], above: dict[str, Any]
) -> None:
    result, upper = _leaves(merged([below, above])), _leaves(above)
    for place, value in upper.items():
        if value != {}:
            assert result[place] == value
    for place, value in _leaves(below).items():
        meets = any(place[: len(other)] == other[: len(place)] for other in upper)
        if not meets:
            assert result[place] == value


@given(MAPPINGS, MAPPINGS, MAPPINGS)
def test_it_does_not_matter_where_a_chain_is_folded_first(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    whole = merged([one, two, three])
    assert merged([merged([one, two]), three]) == whole
    assert merged([{}, whole]) == merged([whole, whole]) == whole


def test_an_overlay_changes_what_it_names_and_nothing_else(base: Path) -> None:
    path = _overlay(base, "train: {epochs: 3}\nevaluate: {target_fmrs: [0.001]}\n")
    found = load_recipe(path).model_dump(mode="json")
    expected = load_params(base).model_dump(mode="json")
    assert found["train"]["epochs"] == 3 != expected["train"]["epochs"]
    assert found["evaluate"]["target_fmrs"] == [0.001]
    expected["train"]["epochs"], expected["evaluate"]["target_fmrs"] = 3, [0.001]
    assert found == expected


def test_another_kind_is_replaced_whole_and_the_same_kind_is_merged(base: Path) -> None:
    detector = "align: {detector: {name: yunet, overlap: 0.25}}\n"
    other = load_recipe(_overlay(base, f"ingest: {{source: {{kind: lfw}}}}\n{detector}"))
    assert other.ingest.source.kind == "lfw"
    assert other.align.detector.name == "yunet"
    assert other.align.detector.second_try == "none", "the base's belongs to its own detector"
    same = load_recipe(_overlay(base, "ingest: {source: {kind: campus, num_subjects: 7}}\n"))
    assert same.ingest.source.num_subjects == 7  # type: ignore[union-attr]  # a campus
    assert same.ingest.source.photos_per_subject == 10  # type: ignore[union-attr]


def test_a_name_that_is_no_kind_is_merged(base: Path) -> None:
    found = load_recipe(_overlay(base, "export: {name: other}\n"))
    assert (found.export.name, found.export.parity_photos) == ("other", 64)


def test_a_chain_runs_over_folders_and_comes_out_whole(base: Path, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    first = _overlay(base, "train: {epochs: 3, seed: 5}\n", "first.yaml")
    second = tmp_path / "below/second.yaml"
    second.write_text(f"extends: ../{first.name}\ntrain: {{epochs: 4}}\n")
    layout = Layout(tmp_path)
    assert use_recipe(second, layout)
    assert not use_recipe(second, layout)
    found = load_params(layout.params)
    assert (found.train.epochs, found.train.seed) == (4, 5)
    assert yaml.safe_load(layout.params.read_text()) == found.model_dump(mode="json")
    heading = layout.params.read_text().splitlines()[:2]
    assert "second.yaml" in heading[0]
    assert "git checkout params.yaml" in heading[1]


def test_a_file_with_every_key_is_taken_bit_for_bit_and_others_are_completed(base: Path) -> None:
    assert written_out(base) == base.read_bytes()
    content = yaml.safe_load(base.read_text())
    del content["train"]["momentum"]
    base.write_text(yaml.safe_dump(content))
    assert yaml.safe_load(written_out(base))["train"]["momentum"] == 0.9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {epoch: 3}\n", r"overlay\.yaml, train\.epoch: Extra inputs"),
        ("train: {epochs: none}\n", r"overlay\.yaml, train\.epochs: .*integer"),
        ("ingest: {source: {kind: lfw, fold: x}}\n", r"overlay\.yaml, ingest\.source\.lfw\.fold"),
        ("ingest: {source: {kind: cloud}}\n", r"overlay\.yaml, ingest\.source: .*cloud"),
        ("trian: {epochs: 3}\n", r"overlay\.yaml, trian: Extra inputs"),
        ("train: 3\n", r"overlay\.yaml, train: "),
        (
            "evaluate: {named_slices: [{name: a}]}\n",
            r"overlay\.yaml, evaluate\.named_slices\.0\.conditions: Field required",
        ),
    ],
)
def test_a_fault_is_named_by_file_and_key(base: Path, text: str, message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        load_recipe(_overlay(base, text))


def test_a_fault_below_is_not_blamed_on_the_overlay(base: Path) -> None:
    base.write_text(base.read_text().replace("momentum: 0.9", "momentum: 9"))
    path = _overlay(base, "train: {epochs: 3}\n")
    with pytest.raises(ParamsError, match=r"base\.yaml, train\.momentum") as found:
        load_recipe(path)
    assert str(path) in str(found.value)


def test_chains_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    path = _overlay(tmp_path / "base.yaml", "train: {epochs: 3}\n")
    with pytest.raises(ParamsError, match=r"base\.yaml \(extended by .*overlay\.yaml\): cannot be"):
        load_recipe(path)
    (tmp_path / "base.yaml").write_text("extends: overlay.yaml\n")
    with pytest.raises(ParamsError, match=r"circle \(overlay.yaml -> base.yaml -> overlay.yaml\)"):
        load_recipe(path)
    path.write_text("extends: overlay.yaml\n")
    with pytest.raises(ParamsError, match="circle"):
        load_recipe(path)
    for name in ("3", "[a.yaml]", "''"):
        path.write_text(f"extends: {name}\n")
        with pytest.raises(ParamsError, match=r"overlay\.yaml: extends: .* is no file"):
            load_recipe(path)


@pytest.mark.parametrize("text", ["- a\n", "", "3: 4\n", "a: [", "a: \udcff"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(ParamsError, match=r"odd\.yaml: "):
        load_recipe(path)


def test_a_recipe_that_was_written_out_is_no_base(base: Path, tmp_path: Path) -> None:
    """Else the recipe in force would shine through the next one."""
    layout = Layout(tmp_path)
    assert use_recipe(_overlay(base, "train: {epochs: 3}\n"), layout)
    above = tmp_path / "above.yaml"
    above.write_text("extends: params.yaml\n")
    with pytest.raises(ParamsError, match=r"git checkout params\.yaml"):
        load_recipe(above)
    assert use_recipe(base, layout), "and going back is no matter"
    assert load_recipe(above).train.epochs == 14
