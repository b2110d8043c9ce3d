"""Private keys in files."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from serving.errors import TrustError
from serving.signing.keys import create_key, read_key


@pytest.mark.parametrize("passphrase", [None, "örtliches Kennwort"])
def test_a_key_comes_back_and_only_its_owner_may_read_it(
    tmp_path: Path, passphrase: str | None
) -> None:
    path = tmp_path / "keys/release.pem"
    key = create_key(path, passphrase)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read_key(path, passphrase).private_bytes_raw() == key.private_bytes_raw()
    assert (b"ENCRYPTED" in path.read_bytes()) == (passphrase is not None)


def test_two_keys_differ_and_none_is_overwritten(tmp_path: Path) -> None:
    first = create_key(tmp_path / "a.pem", None)
    assert create_key(tmp_path / "b.pem", None).private_bytes_raw() != first.private_bytes_raw()
    with pytest.raises(TrustError, match=r"a\.pem is there already"):
        create_key(tmp_path / "a.pem", None)
    assert read_key(tmp_path / "a.pem", None).private_bytes_raw() == first.private_bytes_raw()


@pytest.mark.parametrize(("made", "given"), [("right", "wrong"), ("right", None), (None, "any")])
def test_another_passphrase_is_refused(tmp_path: Path, made: str | None, given: str | None) -> None:
    create_key(tmp_path / "key.pem", made)
    with pytest.raises(TrustError, match="its passphrase is another one; set EXAMGATE_KEY"):
        read_key(tmp_path / "key.pem", given)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    create_key(tmp_path / "key.pem", None)
    (tmp_path / "key.pem").chmod(mode)
    with pytest.raises(TrustError, match=r"is open to others; `chmod 600"):
        read_key(tmp_path / "key.pem", None)


def test_what_is_no_such_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    with pytest.raises(TrustError, match=r"no key can be read .*keygen` makes one"):
        read_key(path, None)
    path.write_bytes(b"no key")
    path.chmod(0o600)
    with pytest.raises(TrustError, match="is no PEM private key"):
        read_key(path, None)
    other = generate_private_key(SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(TrustError, match="is no Ed25519 key"):
        read_key(path, None)
