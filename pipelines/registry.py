"""The model registry: bundles under one registered model, found by alias, version or digest.

MLflow is the store and the record, never the loader: what comes out is a folder of plain files
whose digest is checked before a byte of it is used.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from pipelines.errors import NotReleasedError, TrackingError
from pipelines.tracking import connect, resume_run, start_wrapped_run
from serving.bundle import Bundle, open_bundle
from serving.errors import BundleNotReleasedError

STAGING: Final = "staging"
CHAMPION: Final = "champion"
DIGEST_TAG: Final = "examgate.bundle_sha256"
GATE_TAG: Final = "examgate.gate_sha256"
EVALUATION_TAG: Final = "examgate.evaluation_sha256"
RELEASE_PLACE: Final = "release"


@dataclass(frozen=True, slots=True)
class Registered:
    """A bundle in the registry."""

    name: str
    version: str
    digest: str
    aliases: tuple[str, ...]
    created: bool
    """Whether this call made the version; False where the bundle was there already."""


def register(root: Path, folder: Path) -> Registered:
    """Register a released bundle once, point `staging` at it, and `champion` where there is none.

    Raises `NotReleasedError` for a bundle whose gate did not pass, `BundleError` for a damaged one.
    """
    try:
        bundle = open_bundle(folder)
    except BundleNotReleasedError as error:
        raise NotReleasedError(
            f"{error}; read {folder}/reports/gate.json, improve the model, `dvc repro` again"
        ) from error
    client, name = connect(root), bundle.release.name
    _ensure_model(client, name)
    version = _version_of(client, name, bundle.digest)
    created = version is None
    if version is None:
        version = _create_version(client, root, bundle)
    client.set_registered_model_alias(name, STAGING, version.version)
    if _by_alias(client, name, CHAMPION) is None:
        client.set_registered_model_alias(name, CHAMPION, version.version)
    number = str(version.version)  # MLflow says int or str, by store
    return Registered(name, number, bundle.digest, aliases_of(client, name, number), created)


def fetch_bundle(root: Path, name: str, alias: str) -> tuple[Bundle, str]:
    """Bring the bundle behind an alias into the local cache; returns it and its version.

    The alias gives a version, the version a digest; the cached or downloaded folder is opened by
    that digest. Raises `TrackingError` where alias or digest is missing, `BundleError` where what
    the store holds is not what was registered.
    """
    version, digest = _pointed(connect(root), name, alias)
    folder = root / "var/bundles" / digest
    if not folder.exists():
        _download(version, folder)
    return open_bundle(folder, expected_digest=digest), str(version.version)


@dataclass(frozen=True, slots=True)
class Pointed:
    """What an alias points at."""

    name: str
    version: str
    digest: str


def find_alias(root: Path, name: str, alias: str) -> Pointed:
    """Say which version and digest an alias points at; raises `TrackingError` where it does not."""
    version, digest = _pointed(connect(root), name, alias)
    return Pointed(name, str(version.version), digest)


def fetch_by_digest(root: Path, name: str, digest: str, folder: Path) -> None:
    """Bring the version with a digest to a folder, unopened; raises `TrackingError` without one."""
    version = _version_of(connect(root), name, digest)
    if version is None:
        raise TrackingError(
            f"model {name!r} has no version with the bundle {digest}; pin one that is in this"
            " registry (`examgate champion pin`), or set evaluate.champion: null"
        )
    _download(version, folder)


def aliases_of(client: MlflowClient, name: str, version: str) -> tuple[str, ...]:
    """Aliases that point at a version, sorted."""
    aliases = client.get_registered_model(name).aliases
    return tuple(sorted(alias for alias, at in aliases.items() if str(at) == str(version)))


def _ensure_model(client: MlflowClient, name: str) -> None:
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(
            name, description="Face verification bundles; aliases are requests, digests are facts."
        )


def _version_of(client: MlflowClient, name: str, digest: str) -> ModelVersion | None:
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.tags.get(DIGEST_TAG) == digest:
            return version
    return None


def _pointed(client: MlflowClient, name: str, alias: str) -> tuple[ModelVersion, str]:
    version = _by_alias(client, name, alias)
    if version is None:
        raise TrackingError(f"model {name!r} has no alias {alias!r}; run `examgate register` first")
    digest = version.tags.get(DIGEST_TAG)
    if not digest:
        raise TrackingError(
            f"{name} version {version.version} carries no {DIGEST_TAG}; register it"
        )
    return version, digest


def _by_alias(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException:
        return None


def _create_version(client: MlflowClient, root: Path, bundle: Bundle) -> ModelVersion:
    """Upload the bundle first, so that a version never points at half a bundle."""
    release = bundle.release
    opened = (
        resume_run(root, release.provenance.mlflow_run_id)
        if release.provenance
        else start_wrapped_run(root, release.name)
    )
    with opened as run_id:
        place = f"{RELEASE_PLACE}/{bundle.digest}"
        mlflow.log_artifacts(str(bundle.folder), artifact_path=place)
        source = mlflow.get_artifact_uri(place)
    return client.create_model_version(
        release.name,
        source=source,
        run_id=run_id,
        tags={
            DIGEST_TAG: bundle.digest,
            GATE_TAG: release.gate.sha256 if release.gate else "",
            EVALUATION_TAG: release.evaluation_sha256 or "",
        },
        description=f"{release.architecture}; licence {release.licence}",
    )


def _download(version: ModelVersion, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
        try:
            found = mlflow.artifacts.download_artifacts(
                artifact_uri=str(version.source), dst_path=partial
            )
        except (MlflowException, OSError) as error:
            raise TrackingError(
                f"{version.name} version {version.version}: its files cannot be fetched ({error})"
            ) from error
        shutil.move(found, folder)
