"""The versions and aliases of bundles in MLflow. It is the store and the record, never the loader:
what it says of a bundle are hints, until the bundle's digest and signature have been checked.
"""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from pipelines.errors import TrackingError
from pipelines.tracking import connect, resume_run, start_wrapped_run
from serving.bundle import Bundle

CHAMPION: Final = "champion"
DIGEST_TAG: Final = "examgate.bundle_sha256"
GATE_TAG: Final = "examgate.gate_sha256"
EVALUATION_TAG: Final = "examgate.evaluation_sha256"
NUMBER_TAG: Final = "examgate.release_number"
KEY_TAG: Final = "examgate.signing_key"
RELEASE_PLACE: Final = "release"
_MAX_NUMBER_DIGITS: Final = 15
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pointed:
    """What an alias points at."""

    name: str
    version: str
    digest: str


def find_alias(root: Path, name: str, alias: str) -> Pointed:
    """Say which version and digest an alias points at; raises `TrackingError` where it does not."""
    version, digest = pointed(connect(root), name, alias)
    return Pointed(name, str(version.version), digest)


def fetch_by_digest(root: Path, name: str, digest: str, folder: Path) -> None:
    """Bring the version with a digest to a folder, unopened; raises `TrackingError` without one."""
    version = version_of(connect(root), name, digest)
    if version is None:
        raise TrackingError(
            f"model {name!r} has no version with the bundle {digest}; pin one that is in this"
            " registry (`examgate champion pin`), or set evaluate.champion: null"
        )
    download(version, folder)


def aliases_of(client: MlflowClient, name: str, version: str) -> tuple[str, ...]:
    """Aliases that point at a version, sorted."""
    aliases = client.get_registered_model(name).aliases
    return tuple(sorted(alias for alias, at in aliases.items() if str(at) == str(version)))


def ensure_model(client: MlflowClient, name: str) -> None:
    """Make the registered model where there is none."""
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(
            name, description="Face verification bundles; aliases are requests, digests are facts."
        )


def _versions(client: MlflowClient, name: str) -> list[ModelVersion]:
    return list(client.search_model_versions(f"name = '{name}'"))


def newest_registered(client: MlflowClient, name: str) -> int:
    """The largest release number of a model's versions; 0 without any."""
    return max((release_number(version) for version in _versions(client, name)), default=0)


def release_number(version: ModelVersion) -> int:
    """The release number that a version says it is signed with; 0 where it was never signed.

    Tags are hints of the registry: a server believes the signature alone. Raises `TrackingError`
    for a tag that is no number.
    """
    text = version.tags.get(NUMBER_TAG, "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_NUMBER_DIGITS):
        raise TrackingError(
            f"{version.name} version {version.version}: the tag {NUMBER_TAG} is {text!r};"
            " delete the version and register its bundle again"
        )
    return int(text)


def version_of(client: MlflowClient, name: str, digest: str) -> ModelVersion | None:
    """The version that holds a bundle, the newest where it was signed more than once."""
    found = [v for v in _versions(client, name) if v.tags.get(DIGEST_TAG) == digest]
    return max(found, key=release_number, default=None)


def pointed(client: MlflowClient, name: str, alias: str) -> tuple[ModelVersion, str]:
    """Version and bundle digest behind an alias. Raises `TrackingError` without them."""
    version = by_alias(client, name, alias)
    if version is None:
        raise TrackingError(f"model {name!r} has no alias {alias!r}; run `examgate register` first")
    digest = version.tags.get(DIGEST_TAG)
    if not digest or not _DIGEST.fullmatch(digest):  # it becomes the name of a folder
        raise TrackingError(
            f"{name} version {version.version} carries no {DIGEST_TAG} that is one; register it"
        )
    return version, digest


def by_alias(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    """The version behind an alias; None where there is no such model or alias.

    Raises `TrackingError` where the registry does not answer, which is not the same.
    """
    try:
        number = client.get_registered_model(name).aliases.get(alias)
        return None if number is None else client.get_model_version(name, number)
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return None
        first_line = str(error).partition("\n")[0]
        raise TrackingError(
            f"the registry does not say what {alias!r} of {name!r} is ({first_line}); try again"
            " once it answers"
        ) from error


def create_version(
    client: MlflowClient, root: Path, bundle: Bundle, number: int, key_id: str
) -> ModelVersion:
    """Upload the bundle first, so that a version never points at half a bundle."""
    release = bundle.release
    opened = (
        resume_run(root, release.provenance.mlflow_run_id)
        if release.provenance
        else start_wrapped_run(root, release.name)
    )
    with opened as run_id:
        place = f"{RELEASE_PLACE}/{number}/{bundle.digest}"
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
            NUMBER_TAG: str(number),
            KEY_TAG: key_id,
        },
        description=f"{release.architecture}; licence {release.licence}",
    )


def download(version: ModelVersion, folder: Path) -> None:
    """Bring a version's files to a folder, in place of what was there; raises `TrackingError`."""
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
        if folder.exists():
            folder.rename(Path(partial, "replaced"))
        Path(found).rename(folder)
