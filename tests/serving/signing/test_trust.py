"""The trust file."""

import json
from pathlib import Path
from typing import Any

import pytest

from serving.errors import TrustError
from serving.signing.trust import Trust, read_trust, write_trust


def test_a_trust_file_comes_back(tmp_path: Path, trust: Trust) -> None:
    full = trust.model_copy(update={"minimum_release": {"tiny": 3}})
    write_trust(tmp_path / "trust.json", full)
    assert read_trust(tmp_path / "trust.json") == full


def test_no_trust_file_is_no_trust(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match=r"no trust file .*--trust or EXAMGATE_TRUST"):
        read_trust(tmp_path / "trust.json")
    with pytest.raises(TrustError, match="no trust file"):
        read_trust(tmp_path)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"format_version": 2}, "format_version"),
        ({"keys": [{"public_key": "00", "owner": "x"}]}, r"keys\.0\.public_key"),
        ({"keys": [{"public_key": "0" * 64, "owner": ""}]}, r"keys\.0\.owner"),
        ({"minimum_release": {"tiny": 0}}, r"minimum_release\.tiny"),
        ({"minimum_release": {"tiny": "3"}}, r"minimum_release\.tiny"),
        ({"minimum": {}}, "minimum: Extra"),
    ],
    ids=str,
)
def test_a_field_that_is_none_is_refused(
    tmp_path: Path, trust: Trust, change: dict[str, Any], place: str
) -> None:
    path = tmp_path / "trust.json"
    path.write_text(json.dumps({**trust.model_dump(), **change}))
    with pytest.raises(TrustError, match=rf"is no trust file: {place}"):
        read_trust(path)


def test_a_key_listed_twice_and_noise_are_refused(tmp_path: Path, trust: Trust) -> None:
    path = tmp_path / "trust.json"
    content = trust.model_dump()
    path.write_text(json.dumps({**content, "keys": content["keys"] * 2}))
    with pytest.raises(TrustError, match="a key is listed twice"):
        read_trust(path)
    path.write_bytes(b"\xff\x00")
    with pytest.raises(TrustError, match="is no trust file"):
        read_trust(path)
