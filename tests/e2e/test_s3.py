"""An S3-compatible store for DVC and MLflow: a real SeaweedFS and a real MLflow on loopback."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from data.errors import SourceError
from data.sources.folder import FolderConfig, FolderSource
from data.sources.object_store import ObjectStoreConfig, ObjectStoreSource
from pipelines.registry import fetch_bundle, register
from pipelines.registry_store import CHAMPION
from serving.bundle import open_bundle
from tests.e2e.conftest import Workspace

BUCKET = "examgate"
START_TIMEOUT_S = 60


def _free_port() -> int:
    # Under 20000, because SeaweedFS opens its gRPC ports at port + 10000.
    while True:
        port = 10_000 + secrets.randbelow(10_000)
        with socket.socket() as one, socket.socket() as other:
            try:
                one.bind(("127.0.0.1", port))
                other.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as stream:
        # A session of its own, to be ended whole: MLflow's server starts workers that outlive it,
        # and SeaweedFS takes its time over SIGTERM.
        process = subprocess.Popen(command, stdout=stream, stderr=stream, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(ready: Callable[[], object], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            ready()
        except (OSError, BotoCoreError, ClientError) as error:
            if time.monotonic() > deadline:
                raise AssertionError(log.read_text(errors="replace")[-2000:]) from error
            time.sleep(0.2)
        else:
            return


@dataclass(frozen=True, slots=True)
class S3:
    """A running store."""

    endpoint: str
    environment: dict[str, str]

    def stored(self) -> list[str]:
        listing = self.client().list_objects_v2(Bucket=BUCKET)
        return [entry["Key"] for entry in listing.get("Contents", [])]

    def client(self) -> Any:
        """A client; boto3 makes its classes at run time, so they have no type."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    folder = tmp_path_factory.mktemp("seaweed")
    key, secret = secrets.token_hex(8), secrets.token_hex(16)
    identity = {
        "name": "test",
        "credentials": [{"accessKey": key, "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    ports = {name: _free_port() for name in ("master", "volume", "filer", "s3")}
    command = [
        str(Path(sys.executable).parent / "weed"), "server", f"-dir={folder / 'data'}",
        "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", f"-s3.config={folder / 's3.json'}",
        "-volume.max=5", "-master.volumeSizeLimitMB=256",
        *(f"-{name}.port={port}" for name, port in ports.items()),
    ]  # fmt: skip
    store = S3(
        f"http://127.0.0.1:{ports['s3']}",
        {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            # Stores that are not Amazon's do not know botocore's newer default checksums.
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        },
    )
    log = folder / "weed.log"
    with _running(command, log):
        _wait(lambda: store.client().create_bucket(Bucket=BUCKET), log)
        yield store


def test_wrong_key_is_refused(s3: S3) -> None:
    stranger = S3(s3.endpoint, {**s3.environment, "AWS_SECRET_ACCESS_KEY": "wrong"})
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        stranger.stored()


def test_pushed_data_comes_back_in_a_fresh_clone(campus: Workspace, s3: S3, tmp_path: Path) -> None:
    campus.commit("what is pushed")  # another test may have run stages again
    remote = ("dvc", "remote", "add", "--local", "--force", "s3", f"s3://{BUCKET}/dvc")
    endpoint = ("dvc", "remote", "modify", "--local", "s3", "endpointurl", s3.endpoint)
    campus.run(*remote)
    campus.run(*endpoint)
    campus.run("dvc", "push", "--remote", "s3", env=s3.environment)
    assert any(key.startswith("dvc/") for key in s3.stored())

    clone = Workspace(tmp_path / "clone")
    campus.run("git", "clone", "--quiet", str(campus.root), str(clone.root))
    clone.run(*remote)
    clone.run(*endpoint)
    clone.run("dvc", "pull", "--remote", "s3", env=s3.environment)
    release = "artifacts/release"
    assert open_bundle(clone.root / release).digest == open_bundle(campus.root / release).digest
    assert "Data and pipelines are up to date" in clone.run("dvc", "repro").stdout


def test_photos_are_ingested_out_of_s3(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = {f"{person}/{n}.jpg": secrets.token_bytes(50_000) for person in "ab" for n in (1, 2)}
    for name, content in photos.items():
        s3.client().put_object(Bucket=BUCKET, Key=f"photos/{name}", Body=content)
    for name, value in {**s3.environment, "AWS_ENDPOINT_URL": s3.endpoint}.items():
        monkeypatch.setenv(name, value)
    config = ObjectStoreConfig(url=f"s3://{BUCKET}/photos", max_bytes=10**6, max_objects=10)
    fetched: list[int] = []

    def ingest(folder: Path) -> list[str]:
        source = ObjectStoreSource(
            config,
            tmp_path / "cache",
            lambda root: FolderSource(FolderConfig(folder="."), root),
            lambda done, _: fetched.append(done),
        )
        return list(source.materialise(folder, 1, lambda *_: None).table["path"])

    paths = ingest(tmp_path / "photos")
    assert {path: (tmp_path / "photos" / path).read_bytes() for path in paths} == photos
    s3.client().put_object(Bucket=BUCKET, Key="photos/b/2.jpg", Body=b"another")
    assert ingest(tmp_path / "again") == paths
    assert (tmp_path / "again/b/2.jpg").read_bytes() == b"another"
    assert fetched == [1, 2, 3, 4, 4], "the second run fetches what changed and no more"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(SourceError, match=f"{BUCKET}/photos: cannot be read"):
        ingest(tmp_path / "refused")


def test_registry_keeps_its_bundles_in_s3(
    s3: S3, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, log = _free_port(), tmp_path / "mlflow.log"
    address = f"http://127.0.0.1:{port}"
    for name, value in {**s3.environment, "MLFLOW_S3_ENDPOINT_URL": s3.endpoint}.items():
        monkeypatch.setenv(name, value)
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db", "--workers", "1",
        "--artifacts-destination", f"s3://{BUCKET}/mlflow",
    ]  # fmt: skip
    with _running(command, log):
        _wait(lambda: urllib.request.urlopen(f"{address}/health", timeout=2).close(), log)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        found = register(tmp_path, tiny_bundle)
        assert any(key.endswith(f"{found.digest}/embed.onnx") for key in s3.stored())
        # Another machine: nothing of this one but the trust file.
        server = tmp_path / "server"
        (server / "var").mkdir(parents=True)
        shutil.copy(tmp_path / "var/trust.json", server / "var/trust.json")
        fetched, version = fetch_bundle(server, found.name, CHAMPION)
    assert (fetched.bundle.digest, version) == (found.digest, found.version)
