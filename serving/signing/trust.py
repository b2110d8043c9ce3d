"""The trust file: whose signatures a machine accepts, and how old a release may be."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.files import write_json
from serving.errors import BundleRollbackError, BundleUntrustedError, TrustError
from serving.release import Text
from serving.signing.key_id import key_id_of
from serving.signing.signature import ReleaseNumber

_REMEDY: Final = (
    "get the file from the release owner and name it by --trust or EXAMGATE_TRUST;"
    " `make repro` makes one for a demo"
)


class TrustedKey(BaseModel):
    """A public key and whose it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    public_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Ed25519, 32 bytes, in hex."""
    owner: Text
    """For people."""

    @classmethod
    def of(cls, key: Ed25519PublicKey, owner: str) -> Self:
        """The entry of a key."""
        return cls(public_key=key.public_bytes_raw().hex(), owner=owner)

    @property
    def key(self) -> Ed25519PublicKey:
        """The key itself."""
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key))

    @property
    def key_id(self) -> str:
        """As signatures name it."""
        return key_id_of(self.key)


class Trust(BaseModel):
    """The content of a trust file. To take a key back, remove it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format_version: Literal[1] = 1
    keys: list[TrustedKey]
    """Whose signatures count; any one of them is enough."""
    minimum_release: dict[str, ReleaseNumber] = {}
    """By name of the model: no release with a smaller number is accepted."""

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        found = [key.public_key for key in self.keys]
        if len(found) != len(set(found)):
            raise ValueError("a key is listed twice")
        return self

    def key(self, key_id: str) -> TrustedKey:
        """The trusted key of an id. Raises `BundleUntrustedError`."""
        for key in self.keys:
            if key.key_id == key_id:
                return key
        known = ", ".join(f"{key.key_id[:12]} ({key.owner})" for key in self.keys) or "none"
        raise BundleUntrustedError(
            f"the key {key_id[:12]} is not trusted here, only: {known}; have a trusted owner sign"
            " the bundle, or add that key to the trust file if you know whose it is"
        )

    def trusts(self, key_id: str) -> bool:
        """Whether a key of that id is listed."""
        return any(key.key_id == key_id for key in self.keys)

    def check_minimum(self, name: str, number: int) -> None:
        """Raise `BundleRollbackError` for a release older than the trust file demands."""
        minimum = self.minimum_release.get(name, 1)
        if number < minimum:
            raise BundleRollbackError(
                f"{name} is signed as release {number}, the trust file demands {minimum} or later;"
                " take a newer release, or have this one signed again with a newer number"
            )


def read_trust(path: Path) -> Trust:
    """Read a trust file. Raises `TrustError` where there is none, or where it is no such file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TrustError(f"{path}: no trust file ({error.strerror}); {_REMEDY}") from error
    try:
        return Trust.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise TrustError(
            f"{path} is no trust file: {place}: {problem['msg']}; {_REMEDY}"
        ) from error


def write_trust(path: Path, trust: Trust) -> None:
    """Write a trust file, whole."""
    write_json(path, trust.model_dump())
