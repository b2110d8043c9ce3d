from pathlib import Path

import pytest

from data.published_figures import FILE, PublishedFigureError, read_published_figures


def test_the_file_is_sound_and_names_no_figure_twice() -> None:
    found = read_published_figures()
    keys = [(one.weights_sha256, one.set, one.definition, one.mirrored) for one in found]
    assert len(set(keys)) == len(keys) > 0
    assert all(0.5 < one.value <= 1 for one in found)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('percent: "99.48"', "percent: 99.48", "0.percent"),
        ('percent: "99.48"', 'percent: "99"', "0.percent"),
        ("definition: best_single", "definition: by_eye", "0.definition"),
        ("mirrored: false", "mirrored: false\n  colour: red", "0.colour"),
        ("- weights_sha256", "weights_sha256", "cannot be read"),
    ],
)
def test_a_broken_file_is_named_with_its_key(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    text = FILE.read_text()
    assert old in text
    path = tmp_path / "figures.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(PublishedFigureError, match=named) as caught:
        read_published_figures(path)
    assert "figures.yaml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PublishedFigureError, match=r"none\.yaml"):
        read_published_figures(tmp_path / "none.yaml")
