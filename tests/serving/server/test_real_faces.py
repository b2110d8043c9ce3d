"""The whole server on real faces: a pretrained embedder must tell three people apart."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import onnx
import pytest

from data.detection.config import FacePolicy
from data.detection.mtcnn_weights import build_mtcnn
from serving.bundle import ReleaseDraft, open_bundle, seal
from serving.config import ServerConfig
from serving.graph import IMAGENET_SCALING, compose, write_graph
from serving.verifier import FaceVerifier

RunServer = Callable[[FaceVerifier, ServerConfig], AbstractContextManager[httpx.Client]]
PEOPLE = ("George_W_Bush", "Serena_Williams", "Tony_Blair")
DIM = 128

pytestmark = pytest.mark.real_faces


def _outside(variable: str, default: str, name: str) -> Path:
    path = Path(os.environ.get(variable, default)) / name
    if not path.exists():
        pytest.skip(f"{path} is absent; set {variable}")
    return path


@pytest.fixture(scope="module")
def photos_of() -> dict[str, list[bytes]]:
    """Two photos of each person."""
    images = _outside("EXAMGATE_DATA_DIR", "../shared/data", "lfw/images")
    return {
        person: [(images / person / f"{person}_000{n}.jpg").read_bytes() for n in (1, 2)]
        for person in PEOPLE
    }


@pytest.fixture(scope="module")
def real_client(
    tmp_path_factory: pytest.TempPathFactory, tiny_draft: ReleaseDraft, run_server: RunServer
) -> Iterator[httpx.Client]:
    weights = _outside(
        "EXAMGATE_WEIGHTS_DIR", "../shared/weights", "embed/mobilefacenet_foamliu.onnx"
    )
    folder = tmp_path_factory.mktemp("bundles") / "real"
    write_graph(compose(onnx.load(weights), input_scaling=IMAGENET_SCALING), folder / "embed.onnx")
    build_mtcnn(folder / "detector")
    policy = FacePolicy(selection="largest_central")  # LFW photos have people in the background
    seal(folder, tiny_draft.revised(embedding_dim=DIM, face_policy=policy))
    verifier = FaceVerifier.from_bundle(open_bundle(folder), ServerConfig())
    with run_server(verifier, ServerConfig()) as client:
        yield client


def _similarity(client: httpx.Client, image1: bytes, image2: bytes) -> float:
    answer = client.post("/compare", files={"image1": image1, "image2": image2})
    assert answer.status_code == 200, answer.text
    return float(answer.json()["similarity_score"])


def test_photos_of_one_person_are_closer_than_photos_of_two(
    real_client: httpx.Client, photos_of: dict[str, list[bytes]]
) -> None:
    genuine = [_similarity(real_client, *photos_of[person]) for person in PEOPLE]
    impostor = [
        _similarity(real_client, photos_of[one][0], photos_of[other][1])
        for one, other in itertools.permutations(PEOPLE, 2)
    ]
    assert min(genuine) > max(impostor) + 0.2
