"""The release bundle: the folder that is evaluated, registered, promoted, served and rolled back.

    embed.onnx              picture + landmarks -> embedding, see `serving.graph`
    detector/*.onnx         the detector's networks
    reports/*.json          evaluation and gate, optional
    release.json            what it is and the SHA-256 of every other file, see `serving.release`
    release.sig             who stands for release.json, see `serving.signing`; not in a candidate

The digest of a bundle is the SHA-256 of its release.json, so one short string pins every byte.
A bundle is checked before anything in it is parsed: first that digest, then the format, then every
file, then what its graphs are made of. Nothing is ever unpickled.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pydantic_core
from pydantic import ValidationError

from data.files import sha256_bytes, whole_folder, write_json
from serving.bundle_files import (
    FETCH_AGAIN,
    check_files,
    describe_file,
    listable_files,
    read_plain,
)
from serving.errors import (
    BundleDigestError,
    BundleFormatError,
    BundleMissingError,
    BundleNotReleasedError,
)
from serving.release import (
    EMBEDDER_FILE,
    FORMAT_VERSION,
    RELEASE_FILE,
    SIGNATURE_FILE,
    FileEntry,
    GateSummary,
    OperatingPoint,
    Provenance,
    Release,
    ReleaseDraft,
)

__all__ = [
    "EMBEDDER_FILE",
    "RELEASE_FILE",
    "SIGNATURE_FILE",
    "Bundle",
    "FileEntry",
    "GateSummary",
    "OperatingPoint",
    "Provenance",
    "Release",
    "ReleaseDraft",
    "copy_bundle",
    "open_bundle",
    "read_release",
    "seal",
]

_MAX_RELEASE_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose every file was checked when it was opened."""

    folder: Path
    release: Release
    digest: str
    """SHA-256 of release.json, in hex."""

    def path(self, name: str) -> Path:
        """Path of a listed file. Raises `BundleMissingError` where the release does not list it."""
        if name not in self.release.files:
            raise BundleMissingError(f"{self.folder}: the release lists no {name}; {FETCH_AGAIN}")
        return self.folder / name

    def read(self, name: str) -> bytes:
        """Content of a listed file, hashed once more, so that what runs is what was sealed."""
        try:
            content = self.path(name).read_bytes()
        except OSError as error:
            raise BundleMissingError(f"{self.folder / name} is gone; {FETCH_AGAIN}") from error
        if sha256_bytes(content) != self.release.files[name].sha256:
            raise BundleDigestError(f"{self.folder / name} has changed; {FETCH_AGAIN}")
        return content


def seal(folder: Path, draft: ReleaseDraft) -> Release:
    """Hash every file in the folder and write release.json last, whole.

    Equal files and an equal draft give an equal release.json and so an equal digest. Raises
    `BundleFormatError` where the folder lacks a part or holds a link, `BundleGraphError` for a
    graph that no bundle may carry, and `BundleMissingError` where there is no folder.
    """
    files = {name: describe_file(folder / name) for name in sorted(listable_files(folder))}
    fields = {name: getattr(draft, name) for name in ReleaseDraft.model_fields}
    try:
        release = Release(**fields, files=files)
    except ValidationError as error:
        raise BundleFormatError(f"{folder} cannot be sealed: {_first_problem(error)}") from error
    (folder / SIGNATURE_FILE).unlink(missing_ok=True)  # of what was sealed here before
    write_json(folder / RELEASE_FILE, release.model_dump(mode="json"))
    return release


def open_bundle(
    folder: Path, expected_digest: str | None = None, require_released: bool = True
) -> Bundle:
    """Check a bundle from its digest down to its last byte, and open it.

    This says that the bundle is whole, not who made it: what answers people is opened by
    `serving.signing.opening.open_trusted`. Raises `BundleMissingError`, `BundleDigestError`,
    `BundleFormatError`, `BundleGraphError`, or, where a release is required,
    `BundleNotReleasedError` for a candidate.
    """
    content = read_release(folder)
    digest = sha256_bytes(content)
    if expected_digest is not None and digest != expected_digest:
        raise BundleDigestError(
            f"{folder}/{RELEASE_FILE} has digest {digest}, expected {expected_digest}; "
            f"{FETCH_AGAIN}"
        )
    release = _parse_release(folder, content)
    check_files(folder, release.files)
    reason = release.why_not_released() if require_released else None
    if reason is not None:
        raise BundleNotReleasedError(
            f"{release.name} in {folder} is a candidate: {reason}; serve a bundle that its gate "
            f"has passed"
        )
    return Bundle(folder, release, digest)


def copy_bundle(source: Path, destination: Path, expected_digest: str | None = None) -> Bundle:
    """Copy a bundle, released or not, so that the destination is either whole or absent.

    A signature goes with it.
    """
    bundle = open_bundle(source, expected_digest, require_released=False)
    signature = [SIGNATURE_FILE] if (source / SIGNATURE_FILE).exists() else []
    with whole_folder(destination) as partial:
        for name in (*bundle.release.files, RELEASE_FILE, *signature):
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, partial / name)
        open_bundle(partial, bundle.digest, require_released=False)
    return Bundle(destination, bundle.release, bundle.digest)


def read_release(folder: Path) -> bytes:
    """Content of release.json, unparsed. Raises `BundleMissingError` or `BundleFormatError`."""
    path = folder / RELEASE_FILE
    if not folder.is_dir():
        raise BundleMissingError(f"{folder} is no folder; give the path of a release bundle")
    if not os.path.lexists(path):
        raise BundleMissingError(f"{folder} holds no {RELEASE_FILE}; it is no sealed bundle")
    return read_plain(path, _MAX_RELEASE_BYTES)


def _parse_release(folder: Path, content: bytes) -> Release:
    where = folder / RELEASE_FILE
    try:
        fields: Any = pydantic_core.from_json(content)
    except ValueError as error:
        raise BundleFormatError(f"{where} is no JSON; {FETCH_AGAIN}") from error
    version = fields.get("format_version") if isinstance(fields, dict) else None
    if version != FORMAT_VERSION:
        raise BundleFormatError(
            f"{where} has format version {version!r}, this server reads {FORMAT_VERSION}; "
            f"run the server that matches, or seal the bundle again with this version"
        )
    try:
        return Release.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise BundleFormatError(f"{where}: {_first_problem(error)}; {FETCH_AGAIN}") from error


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
