"""Private keys in files: PEM PKCS #8, mode 0600, with a passphrase where there is one."""

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from serving.errors import TrustError


def create_key(path: Path, passphrase: str | None) -> Ed25519PrivateKey:
    """Make a key and write it where no file is yet.

    Raises `TrustError` where there is one: the releases that it signed would have no key any more.
    """
    key = Ed25519PrivateKey.generate()
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, _encryption(passphrase))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # The mode belongs to the creation: a later chmod leaves a moment in which anybody reads.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise TrustError(f"{path} is there already; name another file, or move it away") from error
    with os.fdopen(file, "wb") as stream:
        stream.write(content)
    return key


def read_key(path: Path, passphrase: str | None) -> Ed25519PrivateKey:
    """Read a private key; raises `TrustError` where it is absent, open to others, or no key."""
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise TrustError(
            f"no key can be read from {path} ({error.strerror}); `examgate bundle keygen` makes one"
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise TrustError(f"{path} is open to others; `chmod 600 {path}`")
    try:
        key = load_pem_private_key(content, passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise TrustError(
            f"{path} is no PEM private key, or its passphrase is another one;"
            " set EXAMGATE_KEY_PASSPHRASE where it has one, and only there"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise TrustError(f"{path} is no Ed25519 key; `examgate bundle keygen` makes one")
    return key


def _encryption(passphrase: str | None) -> KeySerializationEncryption:
    return BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
