"""Wrong labels that were planted must be listed, and clean labels not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.face import l2_normalise
from data.label_noise import LabelNoiseConfig, same_people, wrong_labels

NUM_PEOPLE, NUM_PHOTOS, DIM = 30, 5, 64


def _people(seed: int, noise: float = 0.08) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n,) and embeddings (n, d): photos of one person have a cosine of about 0.7."""
    rng = np.random.default_rng(seed)
    centres = l2_normalise(rng.normal(size=(NUM_PEOPLE, DIM)).astype(np.float32))
    codes = np.repeat(np.arange(NUM_PEOPLE), NUM_PHOTOS)
    blurred = centres[codes] + noise * rng.normal(size=(len(codes), DIM)).astype(np.float32)
    return codes, l2_normalise(blurred.astype(np.float32))


@given(seed=st.integers(0, 1000))
def test_planted_errors_are_listed_with_the_right_name(seed: int) -> None:
    truth, vectors = _people(seed)
    codes = truth.copy()
    planted = np.random.default_rng(seed).choice(NUM_PEOPLE, 3, replace=False) * NUM_PHOTOS
    codes[planted] = (codes[planted] + 1) % NUM_PEOPLE
    found = wrong_labels(codes, {"a": vectors}, LabelNoiseConfig()).set_index("row")
    assert set(found.index) == set(planted.tolist())
    assert (found.loc[planted, "other_subject"].to_numpy() == truth[planted]).all()
    assert np.allclose(found["margin"], found["other"] - found["own"])


@given(seed=st.integers(0, 1000))
def test_clean_labels_are_not_listed(seed: int) -> None:
    codes, vectors = _people(seed)
    assert wrong_labels(codes, {"a": vectors}, LabelNoiseConfig()).empty
    assert same_people(codes, {"a": vectors}, LabelNoiseConfig()).empty


def test_every_embedder_must_agree() -> None:
    codes, vectors = _people(1)
    _, other = _people(2)
    wrong = codes.copy()
    wrong[0] = 7
    assert list(wrong_labels(wrong, {"a": vectors, "b": other}, LabelNoiseConfig())["row"]) == [0]
    fooled = vectors.copy()
    fooled[0] = vectors[wrong == 7][1]
    assert wrong_labels(wrong, {"a": vectors, "b": fooled}, LabelNoiseConfig()).empty


def test_person_under_two_names_is_listed() -> None:
    codes, vectors = _people(3)
    codes[NUM_PHOTOS - 2 : NUM_PHOTOS] = NUM_PEOPLE
    found = same_people(codes, {"a": vectors}, LabelNoiseConfig())
    assert found[["subject", "other_subject"]].to_numpy().tolist() == [[0, NUM_PEOPLE]]


def test_photos_without_a_face_and_lone_photos_are_not_judged() -> None:
    codes, vectors = _people(4)
    vectors[3] = 0
    codes[0] = NUM_PEOPLE
    rows = wrong_labels(codes, {"a": vectors}, LabelNoiseConfig())["row"]
    assert not {0, 3} & set(rows)


@pytest.mark.parametrize("num", [0, 1])
def test_tiny_sets_have_nothing_to_compare(num: int) -> None:
    vectors = np.full((num, 4), 0.5, np.float32)
    codes = np.zeros(num, np.int64)
    assert wrong_labels(codes, {"a": vectors}, LabelNoiseConfig()).empty
    assert same_people(codes, {"a": vectors}, LabelNoiseConfig()).empty
    assert wrong_labels(codes, {}, LabelNoiseConfig()).empty
