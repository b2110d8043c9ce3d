"""A real server on a free loopback port, and photos of students who do not exist."""

import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from data.face import RgbU8
from data.images import decode_image
from data.sources.campus import CampusConfig, render_photo
from serving.app import create_app, server_settings
from serving.bundle import Bundle, open_bundle
from serving.config import ServerConfig
from serving.verifier import FaceVerifier
from tests.loopback import running

RunServer = Callable[[FaceVerifier, ServerConfig], AbstractContextManager[httpx.Client]]


def _jpeg(image_rgb_u8: RgbU8) -> bytes:
    ok, encoded = cv2.imencode(".jpg", cv2.cvtColor(image_rgb_u8, cv2.COLOR_RGB2BGR))
    assert ok
    return bytes(encoded.tobytes())


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + checksum


def _png_bomb() -> bytes:
    """A PNG that claims ten gigapixels in a hundred bytes."""
    header = _png_chunk(b"IHDR", (100_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00")
    pixels = _png_chunk(b"IDAT", zlib.compress(bytes(64)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + _png_chunk(b"IEND", b"")


def _far_away(portrait_rgb_u8: RgbU8) -> RgbU8:
    small = cv2.resize(portrait_rgb_u8, None, fx=0.18, fy=0.18, interpolation=cv2.INTER_AREA)
    hall = np.full((480, 640, 3), 128, np.uint8)
    hall[200 : 200 + small.shape[0], 300 : 300 + small.shape[1]] = small
    return hall


@pytest.fixture(scope="session")
def photos() -> dict[str, bytes]:
    """By name: two of one student, one of another, and what no portrait is."""
    config = CampusConfig(num_subjects=2, photos_per_subject=4, sibling_share=0.0)
    ada, ada_again, bob = (render_photo(config, index)[0] for index in (0, 1, 4))
    ada_rgb, bob_rgb = decode_image(ada), decode_image(bob)
    height = min(len(ada_rgb), len(bob_rgb))
    return {
        "ada": ada,
        "ada_again": ada_again,
        "bob": bob,
        "no_face": _jpeg(np.full((240, 320, 3), 128, np.uint8)),
        "two_faces": _jpeg(np.hstack([ada_rgb[:height], bob_rgb[:height]])),
        "tiny_face": _jpeg(_far_away(ada_rgb)),
        "truncated": ada[: len(ada) // 3],
        "png_bomb": _png_bomb(),
        "gif": b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
        "noise": np.random.default_rng(7).bytes(4096),
        "empty": b"",
    }


@pytest.fixture(scope="session")
def opened_bundle(tiny_bundle: Path) -> Bundle:
    return open_bundle(tiny_bundle)


@pytest.fixture(scope="session")
def verifier(opened_bundle: Bundle) -> FaceVerifier:
    return FaceVerifier.from_bundle(opened_bundle, ServerConfig(threads=1), model_version="7")


@contextmanager
def _run(verifier: FaceVerifier, config: ServerConfig) -> Iterator[httpx.Client]:
    with (
        running(server_settings(create_app(verifier, config), config)) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def run_server() -> RunServer:
    """Starts a server of a test's own: `with run_server(verifier, config) as client`."""
    return _run


@pytest.fixture(scope="session")
def client(verifier: FaceVerifier) -> Iterator[httpx.Client]:
    """A client of one server that all tests share; tests must not depend on its counts."""
    with _run(verifier, ServerConfig()) as client:
        yield client
