"""The model registry: bundles under one registered model, found by alias, version or digest.

What goes in is signed, and what comes out to be served is a folder of plain files whose digest and
signature are checked before a byte of it is used. Who holds the registry can withhold a release;
forging one takes a key, and bringing an old one back takes its owner.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from pipelines.errors import NotReleasedError, TrackingError
from pipelines.registry_store import (
    CHAMPION,
    DIGEST_TAG,
    KEY_TAG,
    aliases_of,
    by_alias,
    create_version,
    download,
    ensure_model,
    newest_registered,
    pointed,
    release_number,
    version_of,
)
from pipelines.signing import newest_here, prepare_trust, sign_copy, signing_key
from pipelines.tracking import connect
from pipelines.trust import trust_config
from serving.bundle import Bundle, copy_bundle, open_bundle
from serving.errors import (
    BundleError,
    BundleNotReleasedError,
    BundleRollbackError,
    BundleUntrustedError,
)
from serving.signing.config import TrustConfig
from serving.signing.opening import TrustedBundle, is_signed, open_trusted, read_signature
from serving.signing.seen import SeenReleases
from serving.signing.trust import Trust, read_trust

STAGING: Final = "staging"


@dataclass(frozen=True, slots=True)
class Registered:
    """A bundle in the registry."""

    name: str
    version: str
    digest: str
    aliases: tuple[str, ...]
    created: bool
    """Whether this call made the version; False where the bundle was there already."""
    number: int
    """The release number that it is signed with."""


def register(
    root: Path, folder: Path, config: TrustConfig | None = None, reissue: bool = False
) -> Registered:
    """Register a released bundle once, point `staging` at it, and `champion` where there is none.

    A bundle that comes unsigned is signed here, with the key and the trust of this machine and the
    next number of its model. `reissue` signs and registers it once more, with a newer number: the
    way back to an old release. A champion that is this very bundle gets the newer signature.

    Raises `NotReleasedError` for a bundle whose gate did not pass, `BundleError` for one that is
    damaged, untrusted or older than what is registered, `TrustError`, and `ProductionError`.
    """
    config = config or trust_config(root)
    bundle = _released(folder)
    trust = prepare_trust(root, config)
    client, name = connect(root), bundle.release.name
    ensure_model(client, name)
    signed = is_signed(folder) and not reissue
    given = open_trusted(folder, trust, bundle.digest) if signed else None
    version = None if reissue else _reusable(client, bundle, given, trust)
    created = version is None
    if version is None:
        newest = newest_registered(client, name)
        if given is None:
            newest = max(newest, newest_here(name, trust, config))
        with _to_upload(root, bundle, given, newest, config) as found:
            signature = read_signature(found.folder)
            version = create_version(client, root, found, signature.number, signature.key_id)
    client.set_registered_model_alias(name, STAGING, version.version)
    champion = by_alias(client, name, CHAMPION)
    if champion is None or champion.tags.get(DIGEST_TAG) == bundle.digest:
        client.set_registered_model_alias(name, CHAMPION, version.version)
    number = str(version.version)  # MLflow says int or str, by store
    aliases = aliases_of(client, name, number)
    return Registered(name, number, bundle.digest, aliases, created, release_number(version))


def fetch_bundle(
    root: Path, name: str, alias: str, config: TrustConfig | None = None
) -> tuple[TrustedBundle, str]:
    """Bring the bundle behind an alias into the local cache; returns it and its version.

    The alias gives a version, the version a digest; the cached or downloaded folder is opened by
    that digest and by its signature. Raises `TrackingError` where alias or digest is missing or
    leads to another model, `BundleError` where what the store holds is not what was registered, is
    not trusted, or is older than what the alias has served before.
    """
    config = config or trust_config(root)
    trust = read_trust(config.trust_file)
    version, digest = pointed(connect(root), name, alias)
    folder = root / "var/bundles" / digest
    if not _is_at_hand(folder, version):
        download(version, folder)
    found = open_trusted(folder, trust, expected_digest=digest)
    if found.bundle.release.name != name:
        raise TrackingError(
            f"{name!r} {alias!r} leads to a bundle of {found.bundle.release.name!r}; the registry"
            " is not what it was: set the alias to a version that `examgate register` made"
        )
    seen = SeenReleases(config.seen_file)
    seen.check(name, alias_channel(alias), found.signature.number, digest)
    return found, str(version.version)


def alias_channel(alias: str) -> str:
    """What an alias is called in the record of releases seen."""
    return f"alias {alias}"


def _released(folder: Path) -> Bundle:
    try:
        return open_bundle(folder)
    except BundleNotReleasedError as error:
        raise NotReleasedError(
            f"{error}; read {folder}/reports/gate.json, improve the model, `dvc repro` again"
        ) from error


def _reusable(
    client: MlflowClient, bundle: Bundle, given: TrustedBundle | None, trust: Trust
) -> ModelVersion | None:
    """The version that already holds this bundle under a signature that will do."""
    version = version_of(client, bundle.release.name, bundle.digest)
    if version is None or release_number(version) == 0:
        return None  # never registered, or before releases were signed
    if given is not None:
        return version if release_number(version) >= given.signature.number else None
    try:
        trust.key(version.tags.get(KEY_TAG, ""))
    except BundleUntrustedError as error:
        raise BundleUntrustedError(
            f"{bundle.release.name} version {version.version} holds this bundle already, but"
            f" {error}; or sign it anew here: `examgate register --reissue`"
        ) from error
    return version


@contextmanager
def _to_upload(
    root: Path, bundle: Bundle, given: TrustedBundle | None, newest: int, config: TrustConfig
) -> Iterator[Bundle]:
    """A signed copy for as long as it takes to upload it.

    Raises `BundleRollbackError` where the signature that came with it is not newer than the newest.
    """
    if given is not None and given.signature.number <= newest:
        raise BundleRollbackError(
            f"{bundle.release.name}: the bundle is signed as release {given.signature.number},"
            f" release {newest} is known here; have it signed with a newer number (`examgate bundle"
            " sign`, or `examgate register --reissue`)"
        )
    (root / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root / "var") as partial:
        folder = Path(partial, "bundle")
        if given is None:
            sign_copy(bundle.folder, folder, signing_key(root, config), newest + 1)
        else:
            copy_bundle(bundle.folder, folder, bundle.digest)
        yield open_bundle(folder, bundle.digest)


def _is_at_hand(folder: Path, version: ModelVersion) -> bool:
    """Whether the cache has this bundle, and under a signature that is as new."""
    if not folder.exists():
        return False
    try:
        return read_signature(folder).number >= release_number(version)
    except BundleError:
        return release_number(version) == 0
