"""Registration against a real MLflow store on SQLite: idempotent, gated, found by digest."""

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from pipelines.errors import NotReleasedError, TrackingError
from pipelines.registry import STAGING, fetch_bundle, register
from pipelines.registry_store import CHAMPION, DIGEST_TAG
from serving.bundle import open_bundle, seal
from serving.errors import BundleDigestError, BundleError
from serving.release import RELEASE_FILE, GateSummary


def _revised(bundle: Path, destination: Path, **changes: object) -> Path:
    shutil.copytree(bundle, destination)
    release = open_bundle(destination, require_released=False).release
    (destination / RELEASE_FILE).unlink()
    seal(destination, release.revised(**changes))
    return destination


def test_first_bundle_becomes_staging_and_champion(
    client: MlflowClient, tmp_path: Path, tiny_bundle: Path
) -> None:
    found = register(tmp_path, tiny_bundle)
    assert found.created
    assert found.aliases == (CHAMPION, STAGING)
    version = client.get_model_version_by_alias(found.name, CHAMPION)
    assert version.tags[DIGEST_TAG] == open_bundle(tiny_bundle).digest


def test_registering_twice_makes_one_version(
    client: MlflowClient, tmp_path: Path, tiny_bundle: Path
) -> None:
    first = register(tmp_path, tiny_bundle)
    second = register(tmp_path, tiny_bundle)
    assert (second.version, second.created) == (first.version, False)
    assert len(client.search_model_versions(f"name = '{first.name}'")) == 1


def test_second_bundle_takes_staging_and_leaves_the_champion(
    client: MlflowClient, tmp_path: Path, tiny_bundle: Path
) -> None:
    first = register(tmp_path, tiny_bundle)
    other = _revised(tiny_bundle, tmp_path / "other", architecture="another")
    second = register(tmp_path, other)
    assert second.version != first.version
    assert str(client.get_model_version_by_alias(first.name, STAGING).version) == second.version
    assert str(client.get_model_version_by_alias(first.name, CHAMPION).version) == first.version


@pytest.mark.parametrize("verdict", ["fail", "inconclusive"])
@pytest.mark.usefixtures("client")
def test_bundle_that_did_not_pass_is_refused(
    tmp_path: Path, tiny_bundle: Path, verdict: str
) -> None:
    gate = GateSummary.model_validate({"verdict": verdict, "sha256": "0" * 64})
    failed = _revised(tiny_bundle, tmp_path / "failed", gate=gate)
    with pytest.raises(NotReleasedError, match=verdict):
        register(tmp_path, failed)


@pytest.mark.usefixtures("client")
def test_damaged_bundle_is_refused(tmp_path: Path, tiny_bundle: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny_bundle, damaged)
    with (damaged / "embed.onnx").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(BundleError, match=r"embed\.onnx"):
        register(tmp_path, damaged)


@pytest.mark.usefixtures("client")
def test_alias_leads_to_the_registered_bytes(tmp_path: Path, tiny_bundle: Path) -> None:
    found = register(tmp_path, tiny_bundle)
    trusted, version = fetch_bundle(tmp_path, found.name, CHAMPION)
    assert (trusted.bundle.digest, version) == (found.digest, "1")
    again, _ = fetch_bundle(tmp_path, found.name, STAGING)
    assert again.bundle.folder == trusted.bundle.folder


def test_store_that_changed_the_bytes_is_noticed(
    client: MlflowClient, tmp_path: Path, tiny_bundle: Path
) -> None:
    found = register(tmp_path, tiny_bundle)
    version = client.get_model_version_by_alias(found.name, CHAMPION)
    stored = Path(str(version.source).removeprefix("file://")) / RELEASE_FILE
    stored.write_bytes(stored.read_bytes().replace(b"Apache", b"Apachf", 1) + b" ")
    with pytest.raises(BundleDigestError):
        fetch_bundle(tmp_path, found.name, CHAMPION)


@pytest.mark.usefixtures("client")
def test_unknown_alias_says_what_to_do(tmp_path: Path, tiny_bundle: Path) -> None:
    found = register(tmp_path, tiny_bundle)
    with pytest.raises(TrackingError, match="examgate register"):
        fetch_bundle(tmp_path, found.name, "canary")
