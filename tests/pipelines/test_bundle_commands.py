"""`examgate bundle keygen|sign|verify`, and that nothing unsigned answers people."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from data.sources.campus import CampusConfig, render_photo
from pipelines.cli import app
from pipelines.errors import ProductionError
from serving.errors import (
    BundleDigestError,
    BundleRollbackError,
    BundleUnsignedError,
    BundleUntrustedError,
    TrustError,
)

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = ("TRUST", "RELEASES_SEEN", "SIGNING_KEY", "KEY_PASSPHRASE", "PRODUCTION")


@pytest.fixture(autouse=True)
def _own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(f"EXAMGATE_{name}", raising=False)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "ada.jpg"
    path.write_bytes(render_photo(CampusConfig(num_subjects=2, photos_per_subject=2), 0)[0])
    return path


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _done(*arguments: object) -> str:
    answer = _run(*arguments)
    assert answer.exit_code == 0, (answer.output, answer.exception)
    return answer.output


def _refused(error: type[Exception], *arguments: object) -> str:
    answer = _run(*arguments)
    assert isinstance(answer.exception, error), (answer.output, answer.exception)
    return str(answer.exception)


@pytest.fixture
def signed(tiny_bundle: Path, tmp_path: Path) -> Path:
    """The tiny bundle as release 1, by the key of this machine."""
    _done("bundle", "keygen", "--owner", "release office")
    _done("bundle", "sign", tiny_bundle, "--output", tmp_path / "signed")
    return tmp_path / "signed"


def test_a_signed_bundle_is_verified_and_says_by_whom(signed: Path, tiny_bundle: Path) -> None:
    answer = _done("bundle", "verify", signed)
    assert "release 1, signed" in answer
    assert "by release office" in answer
    assert "4 files" in answer
    assert "is not signed" in _refused(BundleUnsignedError, "bundle", "verify", tiny_bundle)


def test_a_private_key_is_made_once_and_never_shown(tmp_path: Path) -> None:
    answer = _done("bundle", "keygen")
    pem = (tmp_path / "var/keys/release.pem").read_text().splitlines()[1]
    assert pem not in answer + (tmp_path / "var/trust.json").read_text()
    assert "is there already" in _refused(TrustError, "bundle", "keygen")
    _done("bundle", "keygen", "--key", "second.pem", "--owner", "second office")
    keys = json.loads((tmp_path / "var/trust.json").read_text())["keys"]
    assert [key["owner"] for key in keys] == ["this machine", "second office"]


def test_another_trust_file_is_another_trust(signed: Path) -> None:
    _done("bundle", "keygen", "--key", "b.pem", "--trust", "b.json", "--owner", "b")
    _refused(BundleUntrustedError, "bundle", "verify", signed, "--trust", "b.json")
    # A key that this machine would not believe signs nothing here.
    _refused(BundleUntrustedError, "bundle", "sign", signed, "--key", "b.pem")
    _done("bundle", "sign", signed, "--key", "b.pem", "--trust", "b.json")
    assert "by b (" in _done("bundle", "verify", signed, "--trust", "b.json")


def test_release_numbers_grow(signed: Path) -> None:
    assert "release 2" in _done("bundle", "sign", signed)
    assert "release 9" in _done("bundle", "sign", signed, "--number", 9)
    message = _refused(BundleRollbackError, "bundle", "sign", signed, "--number", 9)
    assert "give more than 9" in message


def test_what_was_compared_with_once_is_not_replaced_by_older(
    signed: Path, photo: Path, tmp_path: Path
) -> None:
    shutil.copytree(signed, tmp_path / "old")
    _done("bundle", "sign", signed)
    _done("compare", photo, photo, "--bundle", signed)
    message = _refused(BundleRollbackError, "compare", photo, photo, "--bundle", tmp_path / "old")
    assert "was at release 2 here, this is release 1" in message
    assert "was at release 2" in _refused(BundleRollbackError, "bundle", "verify", tmp_path / "old")


def test_unsigned_is_refused_unless_loudly_allowed(
    tiny_bundle: Path,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ask = ("compare", photo, photo, "--bundle", tiny_bundle)
    _refused(TrustError, *ask)
    _done("bundle", "keygen")
    _refused(BundleUnsignedError, *ask)
    assert json.loads(_done(*ask, "--allow-unsigned").splitlines()[-1])["is_same_person"]
    assert "UNSIGNED: nobody stands for" in caplog.text
    monkeypatch.setenv("EXAMGATE_PRODUCTION", "1")
    assert "--allow-unsigned is refused" in _refused(ProductionError, *ask, "--allow-unsigned")
    _refused(ProductionError, "serve", "--bundle", tiny_bundle, "--allow-unsigned")


def test_allowing_unsigned_lets_no_bad_signature_pass(signed: Path, photo: Path) -> None:
    ask = ("compare", photo, photo, "--bundle", signed, "--allow-unsigned")
    _done(*ask)
    _done("bundle", "keygen", "--key", "b.pem", "--trust", "b.json")
    _refused(BundleUntrustedError, *ask, "--trust", "b.json")
    with (signed / "embed.onnx").open("ab") as stream:
        stream.write(b"x")
    _refused(BundleDigestError, *ask)


def test_allowing_unsigned_is_for_folders_only() -> None:
    answer = _run("serve", "--allow-unsigned")
    assert answer.exit_code == 2
    assert "goes with --bundle" in answer.output


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "pipelines.cli", *(str(argument) for argument in arguments)]


def test_the_command_ends_in_one_line(signed: Path, tmp_path: Path) -> None:
    (signed / "detector/extra.pkl").write_bytes(b"x")
    found = subprocess.run(
        _command("bundle", "verify", signed),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert found.stdout == ""
    (line,) = found.stderr.splitlines()
    assert line.startswith("BundleFormatError: ")
    assert "holds detector/extra.pkl, which its release does not list; remove it" in line


def test_a_signed_bundle_is_served(signed: Path, photo: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = tmp_path / "serve.log"
    with log.open("wb") as stream:
        server = subprocess.Popen(
            _command("serve", "--bundle", signed, "--port", port),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=stream,
            stderr=stream,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            _wait_until_ready(client, server, log)
            files = {"image1": photo.read_bytes(), "image2": photo.read_bytes()}
            answer = client.post("/compare", files=files)
    finally:
        server.terminate()
        server.wait(30)
    assert answer.status_code == 200, answer.text
    assert answer.json()["is_same_person"] is True
    assert "release 1, signed" in log.read_text()


def _wait_until_ready(client: httpx.Client, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + 90
    while time.monotonic() < deadline_s and server.poll() is None:
        with suppress(httpx.TransportError):
            if client.get("/readyz").status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text())
