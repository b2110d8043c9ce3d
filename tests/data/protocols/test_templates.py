"""Templates: who makes them, and pooling on an example worked by hand."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data.errors import ProtocolError
from data.protocols.config import TemplatesConfig
from data.protocols.drawn import stored
from data.protocols.photos import split_photos
from data.protocols.pooling import pool
from data.protocols.templates import templates

TableOf = Callable[..., pd.DataFrame]


@pytest.fixture
def table(table_of: TableOf) -> pd.DataFrame:
    table = table_of(8, 9)
    kinds = ["id_photo", "webcam", "webcam", "gate", "gate", "gate", "gate", "gate", "gate"]
    table["capture_kind"] = kinds * 8
    return table


def test_reference_is_card_and_selfies_and_a_probe_is_a_burst(table: pd.DataFrame) -> None:
    photos = split_photos(table, "test", 0)
    drawn = templates(photos, TemplatesConfig(), 0)
    made = drawn.templates
    assert made is not None
    of_one = made[made["subject_id"] == "s0002"].groupby("template_id")
    assert of_one["image_id"].size().to_dict() == {
        "s0002:reference": 3,
        "s0002:probe_000": 4,
        "s0002:probe_001": 2,
    }
    assert of_one["media_id"].nunique().to_dict() == {
        "s0002:reference": 2,
        "s0002:probe_000": 1,
        "s0002:probe_001": 1,
    }
    entry = stored(drawn, photos).entry
    assert entry.unit == "template"
    assert entry.num_units == 24
    assert (entry.num_genuine, entry.num_impostor) == (8 * 2, 8 * 7 * 2)


def test_every_pair_is_a_reference_against_a_probe(table: pd.DataFrame) -> None:
    found = templates(split_photos(table, "test", 0), TemplatesConfig(), 0).protocol
    names = np.array(found.ids)
    assert all(name.endswith(":reference") for name in names[found.pairs.left])
    assert all(":probe_" in name for name in names[found.pairs.right])
    owners = [
        [name.split(":")[0] for name in names[s]] for s in (found.pairs.left, found.pairs.right)
    ]
    assert (np.array(owners[0]) == owners[1]).tolist() == found.pairs.genuine.tolist()


def test_draw_of_impostors_keeps_all_genuine_pairs(table: pd.DataFrame) -> None:
    config = TemplatesConfig(max_impostor_pairs=10)
    found = templates(split_photos(table, "test", 0), config, 0).protocol.pairs
    assert (~found.genuine).sum() == 10
    assert found.genuine.sum() == 16


def test_media_of_the_source_are_kept(table: pd.DataFrame) -> None:
    table["media_id"] = [f"video_{i % 2}" for i in range(len(table))]
    made = templates(split_photos(table, "test", 0), TemplatesConfig(), 0).templates
    assert made is not None
    probe = made[made["template_id"] == "s0000:probe_000"]
    assert sorted(probe["media_id"]) == [
        *["s0000:probe_000:video_0"] * 2,
        *["s0000:probe_000:video_1"] * 2,
    ]


def test_pooling_by_hand() -> None:
    """A video of two frames and a photo: mean of the frames plus the photo, then unit length."""
    rows = pd.DataFrame(
        [("t1", "video", "a"), ("t1", "video", "b"), ("t1", "photo", "c"), ("t2", "video", "c")],
        columns=["template_id", "media_id", "image_id"],
    )
    vectors = np.array([[9, 9], [1, 0], [0, 1], [0.6, 0.8]], np.float32)
    names, pooled, usable = pool(vectors, ["other", "a", "b", "c"], np.ones(4, bool), rows)
    assert names == ("t1", "t2")
    expected = np.array([0.5 + 0.6, 0.5 + 0.8])
    assert pooled[0] == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)
    assert pooled[1] == pytest.approx([0.6, 0.8], abs=1e-6)
    assert usable.all()


def test_a_long_video_weighs_as_much_as_a_photo() -> None:
    frames = [("t", "video", f"f{i}") for i in range(50)]
    rows = pd.DataFrame(
        [*frames, ("t", "photo", "p")], columns=["template_id", "media_id", "image_id"]
    )
    vectors = np.array([[1, 0]] * 50 + [[0, 1]], np.float32)
    _, pooled, _ = pool(vectors, list(rows["image_id"]), np.ones(51, bool), rows)
    assert pooled[0] == pytest.approx([0.5**0.5, 0.5**0.5], abs=1e-6)


def test_photos_without_a_face_do_not_count() -> None:
    rows = pd.DataFrame(
        [("t1", "m", "a"), ("t1", "m", "b"), ("t2", "m", "b"), ("t2", "n", "b")],
        columns=["template_id", "media_id", "image_id"],
    )
    vectors = np.array([[1, 0], [0, 1]], np.float32)
    names, pooled, usable = pool(vectors, ["a", "b"], np.array([True, False]), rows)
    assert names == ("t1", "t2")
    assert usable.tolist() == [True, False]
    assert pooled.tolist() == [[1, 0], [0, 0]]


def test_template_photo_without_an_embedding_is_named() -> None:
    rows = pd.DataFrame([("t", "m", "z")], columns=["template_id", "media_id", "image_id"])
    with pytest.raises(ProtocolError, match="'z'"):
        pool(np.ones((1, 2), np.float32), ["a"], np.array([True]), rows)
