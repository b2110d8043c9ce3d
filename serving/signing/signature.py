"""`release.sig`: an Ed25519 signature (RFC 8032) of release.json, in a file beside it.

Detached, so that the digest of a bundle is that of release.json whoever signs it: a release is a
pure function of data, code and parameters, a signature also of a key, a number and the hour.

What is signed is, each with its length before it (8 bytes, big-endian): a prefix that no other
use of the key has, the key's id, the release number, the hour, and the bytes of release.json. With
the lengths no two different statements give one message (as in DSSE's pre-authentication encoding).
"""

import json
from typing import Annotated, Final, Literal, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serving.errors import BundleSignatureError
from serving.release import Sha256
from serving.signing.key_id import key_id_of

MAX_SIGNATURE_BYTES: Final = 4096
"""Of the file."""
MAX_NUMBER: Final = (1 << 53) - 1
"""What every JSON reader holds exactly."""
_DOMAIN: Final = b"examgate release signature v1"
_SIGN_AGAIN: Final = "fetch the bundle again, or have its release owner sign it again"

ReleaseNumber = Annotated[int, Field(ge=1, le=MAX_NUMBER)]


class Signature(BaseModel):
    """The content of `release.sig`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format_version: Literal[1] = 1
    algorithm: Literal["ed25519"] = "ed25519"
    key_id: Sha256
    """SHA-256 of the raw public key."""
    number: ReleaseNumber
    """Grows with each release of a model; a machine goes on to equal or larger ones only."""
    issued_at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    """When it was signed, UTC; for people, nothing is decided by it."""
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
    """64 bytes, in hex."""

    @classmethod
    def parse(cls, content: bytes, where: str) -> Self:
        """Read the file's bytes; `where` is what errors call it.

        One signature has one spelling, so that no byte of the file can change unseen. Raises
        `BundleSignatureError`.
        """
        try:
            found = cls.model_validate_json(content)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = ".".join(str(part) for part in problem["loc"]) or "the file"
            raise BundleSignatureError(
                f"{where} is no signature: {place}: {problem['msg']}; {_SIGN_AGAIN}"
            ) from error
        if found.to_bytes() != content:
            raise BundleSignatureError(f"{where} is not written as it was signed; {_SIGN_AGAIN}")
        return found

    def to_bytes(self) -> bytes:
        """The file's bytes."""
        return (json.dumps(self.model_dump(), indent=2, sort_keys=True) + "\n").encode()

    def check(self, release: bytes, public_key: Ed25519PublicKey, where: str) -> None:
        """Raise `BundleSignatureError` unless this key signed these very bytes so."""
        message = _message(self.key_id, self.number, self.issued_at, release)
        try:
            public_key.verify(bytes.fromhex(self.signature), message)
        except InvalidSignature as error:
            raise BundleSignatureError(
                f"{where} is no signature of this release.json by the key {self.key_id[:12]}; "
                f"{_SIGN_AGAIN}"
            ) from error


def sign_release(release: bytes, key: Ed25519PrivateKey, number: int, issued_at: str) -> Signature:
    """Sign the bytes of a release.json; equal arguments give an equal signature."""
    key_id = key_id_of(key.public_key())
    signature = key.sign(_message(key_id, number, issued_at, release))
    return Signature(key_id=key_id, number=number, issued_at=issued_at, signature=signature.hex())


def _message(key_id: str, number: int, issued_at: str, release: bytes) -> bytes:
    parts = (_DOMAIN, key_id.encode(), str(number).encode(), issued_at.encode(), release)
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)
