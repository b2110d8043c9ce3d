"""Command `serve`: load a bundle, by alias or from a folder, and answer `/compare`."""

from pathlib import Path

from pipelines.registry import fetch_bundle
from serving.app import create_app
from serving.app import serve as run_server
from serving.bundle import Bundle, open_bundle
from serving.config import ServerConfig
from serving.verifier import FaceVerifier


def load(root: Path, name: str, alias: str, folder: Path | None) -> tuple[Bundle, str | None]:
    """Open a released bundle and name its registry version, None for a plain folder."""
    if folder is not None:
        return open_bundle(folder), None
    bundle, version = fetch_bundle(root, name, alias)
    return bundle, version


def serve(bundle: Bundle, version: str | None, config: ServerConfig) -> None:
    """Run the server until it is stopped."""
    run_server(create_app(FaceVerifier.from_bundle(bundle, config, version), config), config)
