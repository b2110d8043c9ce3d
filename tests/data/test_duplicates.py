"""Near-duplicate search: exact, bounded, and what counts as one photograph."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.duplicates.config import DuplicateConfig
from data.duplicates.find import find_duplicates
from data.duplicates.hamming import near_pairs
from data.duplicates.hashing import MIRROR
from data.duplicates.photo_hashes import PhotoHashes, hash_photos
from data.errors import SourceError, TooManyDuplicatesError

Pairs = set[tuple[int, int]]


def _all_pairs(left: np.ndarray, right: np.ndarray, max_distance: int) -> Pairs:
    apart = np.bitwise_count(left[:, None] ^ right[None, :])
    rows, others = np.nonzero(np.triu(apart <= max_distance, k=1))
    return set(zip(rows.tolist(), others.tolist(), strict=True))


def _clustered(seed: int, num: int) -> np.ndarray:
    """Hashes that are 0 to 12 bits off a few centres, so that every distance occurs."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, 4, dtype=np.uint64)[rng.integers(0, 4, num)]
    for row in range(num):
        for bit in rng.choice(64, rng.integers(0, 7), replace=False):
            hashes[row] ^= np.uint64(1) << np.uint64(bit)
    return hashes


@given(seed=st.integers(0, 10_000), num=st.integers(0, 60), max_distance=st.integers(0, 7))
def test_search_finds_exactly_what_comparing_all_finds(
    seed: int, num: int, max_distance: int
) -> None:
    hashes = _clustered(seed, num)
    for others in (hashes, hashes ^ MIRROR):
        left, right = near_pairs(hashes, others, max_distance, max_pairs=10_000)
        found = list(zip(left.tolist(), right.tolist(), strict=True))
        assert found == sorted(_all_pairs(hashes, others, max_distance))


def test_search_refuses_what_it_cannot_do_exactly_or_nobody_could_read() -> None:
    hashes = np.zeros(200, np.uint64)
    with pytest.raises(ValueError, match="max_distance is 8"):
        near_pairs(hashes, hashes, 8, max_pairs=10)
    with pytest.raises(TooManyDuplicatesError, match="search_distance"):
        near_pairs(hashes, hashes, 3, max_pairs=1000)


def _hashes(words: np.ndarray, sha256: list[str] | None = None) -> PhotoHashes:
    names = sha256 or [f"{row:064d}" for row in range(len(words))]
    return PhotoHashes(np.array(names, object), words, np.ones(len(words), bool))


def _apart(words: np.ndarray, bits: int) -> np.ndarray:
    """The same hash with some bits of the last three words turned, none of the first."""
    turned = words.copy()
    for bit in range(bits):
        turned[1 + bit % 3] ^= np.uint64(1) << np.uint64(bit // 3)
    return turned


@pytest.fixture
def word() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2**64, 4, dtype=np.uint64)


def test_equal_bytes_and_equal_hashes_make_a_star(word: np.ndarray) -> None:
    hashes = _hashes(np.stack([word] * 5), ["a", "a", "b", "b", "c"])
    pairs = find_duplicates(hashes, {}, DuplicateConfig())
    found = list(zip(pairs["left"], pairs["right"], pairs["same_bytes"], strict=True))
    assert found == [(0, 1, True), (0, 2, False), (0, 4, False), (2, 3, True)]


def test_thousands_of_copies_stay_thousands_of_findings(word: np.ndarray) -> None:
    pairs = find_duplicates(_hashes(np.stack([word] * 5000)), {}, DuplicateConfig())
    assert len(pairs) == 4999


def test_distance_decides_and_mirroring_is_named(word: np.ndarray) -> None:
    rows = [word, _apart(word, 20), _apart(word, 21), word ^ MIRROR]
    config = DuplicateConfig(max_distance=20, confirmed_distance=0)
    pairs = find_duplicates(_hashes(np.stack(rows)), {}, config).set_index(["left", "right"])
    assert pairs.loc[(0, 1), "distance"] == 20
    assert (0, 2) not in pairs.index
    assert pairs.loc[(0, 3), "is_mirrored"]
    assert pairs["similarity"].isna().all()


def test_embedding_confirms_what_the_hash_only_suspects(word: np.ndarray) -> None:
    hashes = _hashes(np.stack([word, _apart(word, 40), _apart(word, 41)]))
    alike = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    faceless = np.array([[1, 0], [0, 0], [1, 0]], np.float32)
    config = DuplicateConfig(max_distance=0)

    def listed(*vectors: np.ndarray) -> Pairs:
        named = {str(place): found for place, found in enumerate(vectors)}
        pairs = find_duplicates(hashes, named, config)
        return set(zip(pairs["left"].tolist(), pairs["right"].tolist(), strict=True))

    assert listed() == set()
    assert listed(alike) == {(0, 1)}
    assert listed(faceless) == {(0, 2)}
    assert listed(alike, np.eye(3, dtype=np.float32)) == set()


def test_photos_without_a_hash_are_compared_by_bytes_only(tmp_path: Path) -> None:
    blank = cv2.imencode(".png", np.zeros((50, 50, 3), np.uint8))[1].tobytes()
    contents = {"a.png": blank, "b.png": blank, "c.png": blank[:-9], "d.jpg": b"no picture"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    done: list[tuple[int, int]] = []
    hashes = hash_photos(tmp_path, list(contents), 2, lambda *counts: done.append(counts))
    assert not hashes.is_hashed.any()
    assert done == [(4, 4)]
    pairs = find_duplicates(hashes, {}, DuplicateConfig())
    assert [tuple(pair) for pair in pairs[["left", "right"]].to_numpy()] == [(0, 1)]


def test_without_a_look_nothing_is_decoded_and_equal_files_are_found(tmp_path: Path) -> None:
    for name, content in (("a", b"no picture"), ("b", b"other"), ("c", b"no picture")):
        (tmp_path / name).write_bytes(content)
    progress: list[tuple[int, int]] = []
    hashes = hash_photos(
        tmp_path, ["a", "b", "c"], 2, lambda *done: progress.append(done), look=False
    )
    assert not hashes.is_hashed.any()
    assert progress == [(3, 3)]
    found = find_duplicates(hashes, {}, DuplicateConfig(search="equal_bytes"))
    assert found[["left", "right", "same_bytes"]].to_numpy().tolist() == [[0, 2, True]]


def test_missing_photo_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.jpg"):
        hash_photos(tmp_path, ["gone.jpg"], 1, lambda *_: None)


def test_empty_manifest_has_no_duplicates() -> None:
    hashes = _hashes(np.zeros((0, 4), np.uint64))
    assert find_duplicates(hashes, {}, DuplicateConfig()).empty
