"""The record of releases: it only goes forward."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.errors import BundleRollbackError, TrustError
from serving.signing.seen import SeenReleases

A, B = "a" * 64, "b" * 64


@pytest.fixture
def seen(tmp_path: Path) -> SeenReleases:
    return SeenReleases(tmp_path / "var/seen.json")


def test_a_channel_goes_forward_and_may_stay(seen: SeenReleases) -> None:
    assert seen.newest("tiny") == 0
    for number in (1, 1, 4):
        seen.advance("tiny", "alias champion", number, A)
    with pytest.raises(
        BundleRollbackError, match=r"was at release 4 here, this is release 3.*--reis"
    ):
        seen.advance("tiny", "alias champion", 3, A)
    assert seen.newest("tiny") == 4


def test_channels_and_models_are_apart(seen: SeenReleases) -> None:
    seen.advance("tiny", "alias staging", 9, A)
    seen.advance("tiny", "alias champion", 2, B)
    seen.advance("other", "alias staging", 1, B)
    assert (seen.newest("tiny"), seen.newest("other")) == (9, 1)


def test_a_number_is_one_release(seen: SeenReleases) -> None:
    seen.advance("tiny", "folder", 2, A)
    with pytest.raises(BundleRollbackError, match="release 2 was bundle aaaaaaaaaaaa here"):
        seen.advance("tiny", "folder", 2, B)


def test_a_refused_release_changes_nothing(seen: SeenReleases) -> None:
    seen.advance("tiny", "folder", 5, A)
    before = seen.path.read_bytes()
    with pytest.raises(BundleRollbackError):
        seen.advance("tiny", "folder", 4, B)
    assert seen.path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"{}x", b'{"seen": {"tiny": {"folder": 3}}}', b"\xff"])
def test_a_damaged_record_stops_everything(seen: SeenReleases, content: bytes) -> None:
    """Or damaging it would be the way back to an old release."""
    seen.path.parent.mkdir()
    seen.path.write_bytes(content)
    with pytest.raises(TrustError, match="no record of the releases seen"):
        seen.advance("tiny", "folder", 1, A)
    with pytest.raises(TrustError, match="no record of the releases seen"):
        seen.newest("tiny")


def test_a_record_that_cannot_be_written_stops_everything(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrustError, match=r"cannot be recorded .*EXAMGATE_RELEASES_SEEN"):
        SeenReleases(tmp_path / "file/seen.json").advance("tiny", "folder", 1, A)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.integers(1, 50), min_size=1, max_size=12))
def test_servers_that_start_together_end_at_the_newest(tmp_path: Path, numbers: list[int]) -> None:
    seen = SeenReleases(tmp_path / "seen.json")
    seen.path.unlink(missing_ok=True)

    def advance(number: int) -> None:
        try:
            seen.advance("tiny", "folder", number, f"{number:064x}")
        except BundleRollbackError:
            assert seen.newest("tiny") > number

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(advance, numbers))
    assert seen.newest("tiny") == max(numbers)
