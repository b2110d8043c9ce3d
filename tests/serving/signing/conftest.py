"""A key, a trust file's content that lists it, and a signed bundle."""

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serving.signing.signature import sign_release
from serving.signing.trust import Trust, TrustedKey

HOUR = "2026-11-21T12:00:00Z"
NUMBER = 7


@pytest.fixture(scope="session")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(scope="session")
def stranger() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


@pytest.fixture(scope="session")
def trust(key: Ed25519PrivateKey) -> Trust:
    return Trust(keys=[TrustedKey.of(key.public_key(), "release office")])


@pytest.fixture
def signed(tiny_bundle: Path, tmp_path: Path, key: Ed25519PrivateKey) -> Path:
    """A copy of the tiny bundle, signed as release 7."""
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "signed"))
    signature = sign_release((folder / "release.json").read_bytes(), key, NUMBER, HOUR)
    (folder / "release.sig").write_bytes(signature.to_bytes())
    return folder
