"""Signing a release: an act of its owner, outside the stages, which are pure functions."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data.files import sha256_bytes, whole_file
from pipelines.trust import key_file, passphrase, refuse_in_production
from serving.bundle import Bundle, copy_bundle, open_bundle, read_release
from serving.errors import BundleRollbackError
from serving.release import SIGNATURE_FILE
from serving.signing.config import TrustConfig
from serving.signing.key_id import key_id_of
from serving.signing.keys import create_key, read_key
from serving.signing.opening import is_signed, read_signature
from serving.signing.seen import SeenReleases
from serving.signing.signature import Signature, sign_release
from serving.signing.trust import Trust, TrustedKey, read_trust, write_trust

_log = logging.getLogger(__name__)
_THIS_MACHINE: Final = "this machine"


def sign_folder(folder: Path, key: Ed25519PrivateKey, number: int) -> Signature:
    """Sign a released bundle where it lies; an older signature is replaced.

    Raises `BundleError` for a bundle that is damaged or not released.
    """
    content = read_release(folder)
    open_bundle(folder, sha256_bytes(content))  # what is signed is what is checked
    signature = sign_release(content, key, number, _now())
    with whole_file(folder / SIGNATURE_FILE) as partial:
        partial.write_bytes(signature.to_bytes())
    return signature


def sign_copy(source: Path, destination: Path, key: Ed25519PrivateKey, number: int) -> Signature:
    """Copy a bundle and sign the copy, so that an output of the pipeline stays what DVC knows."""
    copy_bundle(source, destination)
    return sign_folder(destination, key, number)


def new_key(key_path: Path, trust_path: Path, owner: str) -> TrustedKey:
    """Make a private key, and add its public half to the trust file.

    Raises `TrustError` where the key file is there already or the trust file cannot be read.
    """
    trust = read_trust(trust_path) if trust_path.exists() else Trust(keys=[])
    key = create_key(key_path, passphrase())
    entry = TrustedKey.of(key.public_key(), owner)
    write_trust(trust_path, trust.model_copy(update={"keys": [*trust.keys, entry]}))
    return entry


def signing_key(root: Path, config: TrustConfig, path: Path | None = None) -> Ed25519PrivateKey:
    """The key that signs here, or the one in `path`.

    Raises `TrustError`, and `BundleUntrustedError` for a key whose signatures this machine would
    refuse itself.
    """
    key = read_key(path or key_file(root), passphrase())
    read_trust(config.trust_file).key(key_id_of(key.public_key()))
    return key


def prepare_trust(root: Path, config: TrustConfig) -> Trust:
    """The trust in force; where there is no trust file, one that trusts this machine's own key.

    The key is made where there is none: that is what lets a demo run without a step of its own. A
    trust file that is there is never changed by this. Raises `ProductionError` where
    EXAMGATE_PRODUCTION is set, for there nobody is trusted by the way.
    """
    if config.trust_file.exists():
        return read_trust(config.trust_file)
    refuse_in_production(
        config,
        f"no trust is made up ({config.trust_file} is not there)",
        "put the release owner's trust file there, or name it by EXAMGATE_TRUST",
    )
    path = key_file(root)
    if not path.exists():
        entry = new_key(path, config.trust_file, _THIS_MACHINE)
        _log.info("made a signing key for this machine: %s, %s", path, entry.key_id[:12])
    else:
        own = TrustedKey.of(read_key(path, passphrase()).public_key(), _THIS_MACHINE)
        write_trust(config.trust_file, Trust(keys=[own]))
    return read_trust(config.trust_file)


def choose_number(
    bundle: Bundle, trust: Trust, config: TrustConfig, wanted: int | None = None
) -> int:
    """The wanted release number, or the next that this machine knows of.

    It knows the bundle's present signature, the trust file's minimum and what was served here; a
    registry knows more, and `register` asks it. Raises `BundleRollbackError` for a wanted number
    that is not above those.
    """
    name = bundle.release.name
    own = read_signature(bundle.folder).number if is_signed(bundle.folder) else 0
    newest = max(own, newest_here(name, trust, config))
    if wanted is not None and wanted <= newest:
        raise BundleRollbackError(
            f"release {newest} of {name} is known here, so {wanted} would be refused; leave out"
            f" --number, or give more than {newest}"
        )
    return wanted or newest + 1


def newest_here(name: str, trust: Trust, config: TrustConfig) -> int:
    """A number that a new release must exceed, or this machine would not serve it."""
    return max(SeenReleases(config.seen_file).newest(name), trust.minimum_release.get(name, 1) - 1)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
