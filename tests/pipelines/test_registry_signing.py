"""Registered releases are signed, numbered, and never go back by themselves."""

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from pipelines.errors import ProductionError, TrackingError
from pipelines.registry import STAGING, Registered, fetch_bundle, register
from pipelines.registry_store import CHAMPION, KEY_TAG, NUMBER_TAG
from pipelines.serve import Loaded, load
from pipelines.signing import sign_copy, signing_key
from pipelines.trust import trust_config
from serving.bundle import open_bundle, seal
from serving.config import ServerConfig
from serving.errors import (
    BundleRollbackError,
    BundleUnsignedError,
    BundleUntrustedError,
    EngineError,
    TrustError,
)
from serving.signing.trust import read_trust, write_trust


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRUST", "RELEASES_SEEN", "SIGNING_KEY", "KEY_PASSPHRASE", "PRODUCTION"):
        monkeypatch.delenv(f"EXAMGATE_{name}", raising=False)


@pytest.fixture
def second_bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """Another release of the same model."""
    return _other(tiny_bundle, tmp_path / "second", architecture="another")


def _other(bundle: Path, destination: Path, **changes: object) -> Path:
    shutil.copytree(bundle, destination)
    seal(destination, open_bundle(destination).release.revised(**changes))
    return destination


def _serve(root: Path, name: str, alias: str) -> Loaded:
    loaded = load(root, name, alias, trust_config(root))
    loaded.verifier(ServerConfig(threads=1))
    return loaded


def _promote(client: MlflowClient, found: Registered) -> None:
    client.set_registered_model_alias(found.name, CHAMPION, found.version)


@pytest.mark.usefixtures("client")
def test_a_machine_without_keys_makes_its_own(tmp_path: Path, tiny_bundle: Path) -> None:
    found = register(tmp_path, tiny_bundle)
    assert found.number == 1
    assert (tmp_path / "var/keys/release.pem").stat().st_mode & 0o777 == 0o600
    trusted, _ = fetch_bundle(tmp_path, found.name, CHAMPION)
    assert trusted.owner == "this machine"
    assert not (tiny_bundle / "release.sig").exists(), "DVC would see its output changed"
    assert [path.name for path in (tmp_path / "var").glob("tmp*")] == []


@pytest.mark.usefixtures("client")
def test_passphrase_protects_the_key_that_is_made(
    tmp_path: Path, tiny_bundle: Path, second_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXAMGATE_KEY_PASSPHRASE", "secret")
    register(tmp_path, tiny_bundle)
    monkeypatch.delenv("EXAMGATE_KEY_PASSPHRASE")
    with pytest.raises(TrustError, match="passphrase"):
        register(tmp_path, second_bundle)


@pytest.mark.usefixtures("client")
def test_a_trust_file_that_is_there_is_never_added_to(tmp_path: Path, tiny_bundle: Path) -> None:
    register(tmp_path, tiny_bundle)
    config = trust_config(tmp_path)
    mine = read_trust(config.trust_file)
    write_trust(config.trust_file, mine.model_copy(update={"keys": []}))
    other = _other(tiny_bundle, tmp_path / "other", source="elsewhere")
    with pytest.raises(BundleUntrustedError, match="only: none"):
        register(tmp_path, other)
    with pytest.raises(BundleUntrustedError, match="register --reissue"):
        register(tmp_path, tiny_bundle)
    assert read_trust(config.trust_file).keys == []


@pytest.mark.usefixtures("client")
def test_a_lost_trust_file_is_made_again_from_the_key(tmp_path: Path, tiny_bundle: Path) -> None:
    register(tmp_path, tiny_bundle)
    trust = (tmp_path / "var/trust.json").read_bytes()
    (tmp_path / "var/trust.json").unlink()
    with pytest.raises(TrustError, match="no trust file"):
        fetch_bundle(tmp_path, "tiny", CHAMPION)
    assert not register(tmp_path, tiny_bundle).created
    assert (tmp_path / "var/trust.json").read_bytes() == trust


@pytest.mark.usefixtures("client")
def test_production_makes_neither_key_nor_trust(
    tmp_path: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXAMGATE_PRODUCTION", "1")
    with pytest.raises(ProductionError, match="no trust is made up"):
        register(tmp_path, tiny_bundle)
    assert not (tmp_path / "var/keys").exists()


def test_numbers_grow_and_stand_in_the_registry(
    client: MlflowClient, tmp_path: Path, tiny_bundle: Path, second_bundle: Path
) -> None:
    first, second = register(tmp_path, tiny_bundle), register(tmp_path, second_bundle)
    assert (first.number, second.number) == (1, 2)
    version = client.get_model_version(second.name, second.version)
    assert version.tags[NUMBER_TAG] == "2"
    (key,) = read_trust(trust_config(tmp_path).trust_file).keys
    assert version.tags[KEY_TAG] == key.key_id


def test_staging_may_be_newer_than_the_champion(
    client: MlflowClient, tmp_path: Path, tiny_bundle: Path, second_bundle: Path
) -> None:
    """Trying a new release must not keep the old one from being served."""
    first = register(tmp_path, tiny_bundle)
    second = register(tmp_path, second_bundle)
    _serve(tmp_path, second.name, STAGING)
    assert _serve(tmp_path, first.name, CHAMPION).bundle.digest == first.digest
    assert client.get_model_version_by_alias(first.name, STAGING).tags[NUMBER_TAG] == "2"


def test_an_alias_that_moved_back_is_refused_until_the_owner_signs_again(
    client: MlflowClient, tmp_path: Path, tiny_bundle: Path, second_bundle: Path
) -> None:
    first, second = register(tmp_path, tiny_bundle), register(tmp_path, second_bundle)
    _promote(client, second)
    _serve(tmp_path, second.name, CHAMPION)
    _promote(client, first)
    with pytest.raises(BundleRollbackError, match="was at release 2 here, this is release 1"):
        fetch_bundle(tmp_path, first.name, CHAMPION)
    again = register(tmp_path, tiny_bundle, reissue=True)
    assert (again.number, again.digest, again.created) == (3, first.digest, True)
    found, version = fetch_bundle(tmp_path, first.name, CHAMPION)
    assert (found.bundle.digest, found.signature.number) == (first.digest, 3)
    assert version == again.version


def test_a_release_that_cannot_be_loaded_does_not_bar_the_way_back(
    client: MlflowClient, tmp_path: Path, tiny_bundle: Path
) -> None:
    first = register(tmp_path, tiny_bundle)
    second = register(tmp_path, _other(tiny_bundle, tmp_path / "second", embedding_dim=512))
    _promote(client, second)
    with pytest.raises(EngineError, match="its release says 512"):
        _serve(tmp_path, second.name, CHAMPION)
    _promote(client, first)
    assert _serve(tmp_path, first.name, CHAMPION).bundle.digest == first.digest


@pytest.mark.usefixtures("client")
def test_minimum_of_the_trust_file_counts_where_nothing_was_seen(
    tmp_path: Path, tiny_bundle: Path
) -> None:
    first = register(tmp_path, tiny_bundle)
    config = trust_config(tmp_path)
    trust = read_trust(config.trust_file)
    write_trust(config.trust_file, trust.model_copy(update={"minimum_release": {"tiny": 5}}))
    with pytest.raises(BundleRollbackError, match="demands 5 or later"):
        fetch_bundle(tmp_path, first.name, CHAMPION)
    again = register(tmp_path, tiny_bundle, reissue=True)
    assert again.number == 5
    fetch_bundle(tmp_path, first.name, CHAMPION)


def test_what_was_registered_unsigned_is_registered_again(
    client: MlflowClient, tmp_path: Path, tiny_bundle: Path
) -> None:
    """Registries made before releases were signed."""
    first = register(tmp_path, tiny_bundle)
    version = client.get_model_version(first.name, first.version)
    client.delete_model_version_tag(first.name, first.version, NUMBER_TAG)
    (Path(str(version.source).removeprefix("file://")) / "release.sig").unlink()
    with pytest.raises(BundleUnsignedError, match="examgate register --release") as refused:
        fetch_bundle(tmp_path, first.name, CHAMPION)
    cached = tmp_path / "var/bundles" / first.digest
    assert str(cached) in str(refused.value)
    again = register(tmp_path, cached)
    assert (again.created, again.aliases) == (True, (CHAMPION, STAGING))
    fetch_bundle(tmp_path, first.name, CHAMPION)


def test_a_bundle_that_comes_signed_keeps_its_signature(
    client: MlflowClient, tmp_path: Path, tiny_bundle: Path, second_bundle: Path
) -> None:
    register(tmp_path, tiny_bundle)
    key = signing_key(tmp_path, trust_config(tmp_path))
    signature = sign_copy(second_bundle, tmp_path / "signed", key, 40)
    found = register(tmp_path, tmp_path / "signed")
    assert (found.number, found.created) == (40, True)
    assert not register(tmp_path, tmp_path / "signed").created
    _promote(client, found)
    fetched, _ = fetch_bundle(tmp_path, found.name, CHAMPION)
    assert fetched.signature == signature
    third = _other(tiny_bundle, tmp_path / "third", source="third")
    sign_copy(third, tmp_path / "late", key, 39)
    with pytest.raises(BundleRollbackError, match="signed as release 39, release 40 is known"):
        register(tmp_path, tmp_path / "late")


@pytest.mark.usefixtures("client")
def test_a_registry_that_withholds_or_swaps_signatures_is_noticed(
    tmp_path: Path, tiny_bundle: Path, client: MlflowClient
) -> None:
    found = register(tmp_path, tiny_bundle)
    version = client.get_model_version_by_alias(found.name, CHAMPION)
    stored = Path(str(version.source).removeprefix("file://")) / "release.sig"
    stored.unlink()
    with pytest.raises(BundleUnsignedError):
        fetch_bundle(tmp_path, found.name, CHAMPION)


def test_an_alias_that_leads_to_another_model_is_refused(
    client: MlflowClient, tmp_path: Path, tiny_bundle: Path
) -> None:
    """Each model counts by itself, so a good release of one is no release of another."""
    other = register(tmp_path, _other(tiny_bundle, tmp_path / "other", name="other"))
    register(tmp_path, tiny_bundle)
    version = client.get_model_version(other.name, other.version)
    swapped = client.create_model_version("tiny", str(version.source), tags=version.tags)
    client.set_registered_model_alias("tiny", CHAMPION, swapped.version)
    with pytest.raises(TrackingError, match="'tiny' 'champion' leads to a bundle of 'other'"):
        fetch_bundle(tmp_path, "tiny", CHAMPION)


@pytest.mark.parametrize("digest", ["../../etc", "A" * 64, ""])
def test_a_digest_that_is_none_never_becomes_a_path(
    client: MlflowClient, tmp_path: Path, tiny_bundle: Path, digest: str
) -> None:
    found = register(tmp_path, tiny_bundle)
    client.set_model_version_tag(found.name, found.version, "examgate.bundle_sha256", digest)
    with pytest.raises(TrackingError, match="that is one; register it"):
        fetch_bundle(tmp_path, found.name, CHAMPION)


def test_a_number_that_is_none_is_refused(
    client: MlflowClient, tmp_path: Path, tiny_bundle: Path
) -> None:
    found = register(tmp_path, tiny_bundle)
    client.set_model_version_tag(found.name, found.version, NUMBER_TAG, "-1")
    with pytest.raises(TrackingError, match="release_number is '-1'"):
        register(tmp_path, tiny_bundle)
