"""Opening a bundle that answers people: its signature first, then every byte."""

import os
from dataclasses import dataclass
from pathlib import Path

from data.files import sha256_bytes
from serving.bundle import Bundle, open_bundle, read_release
from serving.bundle_files import read_plain
from serving.errors import BundleDigestError, BundleUnsignedError
from serving.release import SIGNATURE_FILE
from serving.signing.signature import MAX_SIGNATURE_BYTES, Signature
from serving.signing.trust import Trust


@dataclass(frozen=True, slots=True)
class TrustedBundle:
    """A released bundle, and who stands for it."""

    bundle: Bundle
    signature: Signature
    owner: str
    """Whose key signed it, as the trust file says."""

    def __str__(self) -> str:
        signature = self.signature
        return (
            f"release {signature.number}, signed {signature.issued_at} by {self.owner}"
            f" ({signature.key_id[:12]})"
        )


def open_trusted(folder: Path, trust: Trust, expected_digest: str | None = None) -> TrustedBundle:
    """Open a released bundle that a trusted key has signed, and that is not too old.

    The signature is checked over the bytes of release.json before they are parsed; release.json
    then vouches for everything else. Raises `BundleTrustError` and what `open_bundle` raises.
    """
    content = read_release(folder)
    digest = sha256_bytes(content)
    if expected_digest is not None and digest != expected_digest:
        raise BundleDigestError(
            f"{folder} has digest {digest}, expected {expected_digest}; fetch the bundle again"
        )
    signature = read_signature(folder)
    key = trust.key(signature.key_id)
    signature.check(content, key.key, str(folder / SIGNATURE_FILE))
    bundle = open_bundle(folder, digest)
    trust.check_minimum(bundle.release.name, signature.number)
    return TrustedBundle(bundle, signature, key.owner)


def is_signed(folder: Path) -> bool:
    """Whether there is a signature at all, valid or not."""
    return os.path.lexists(folder / SIGNATURE_FILE)


def read_signature(folder: Path) -> Signature:
    """Read a bundle's signature, unchecked. Raises `BundleUnsignedError` or `BundleSignatureError`,
    and `BundleFormatError` for a link or a file too large to be one.
    """
    path = folder / SIGNATURE_FILE
    if not is_signed(folder):
        raise BundleUnsignedError(
            f"{folder} is not signed; `examgate register --release {folder}` signs and registers"
            " it, `examgate bundle sign` signs it for another machine"
        )
    return Signature.parse(read_plain(path, MAX_SIGNATURE_BYTES), str(path))
