"""Files of pretrained models: from the folder, from an address, never other than pinned."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from data.detection.config import MtcnnConfig, RetinafaceConfig, ScrfdConfig, YunetConfig
from data.detection.factory import open_detector
from data.detection.pinned import NETWORK_SHA256, network_files
from data.errors import WeightsError
from pipelines.catalogue import ATTRIBUTE_MODELS, CATALOGUE, EMBEDDERS
from pipelines.detectors import install_detector
from pipelines.downloads import from_url
from pipelines.environment import weights_dir
from pipelines.errors import ModelError
from pipelines.models import find
from pipelines.pretrained import fetch, fetched_folder, verified
from pipelines.pretrained_detectors import DETECTORS, PretrainedDetector, detector_licence

ROOT = Path(__file__).resolve().parents[2]
CONTENT = b"weights" * 1000
MODEL = PretrainedDetector(
    file="detect/tiny.onnx",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    licence="MIT",
    origin="these tests",
    architecture="none",
)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXAMGATE_WEIGHTS_DIR", str(tmp_path / "absent"))
    return tmp_path


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web server on loopback that has the file, and another one."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "tiny.onnx").write_bytes(CONTENT)
    (folder / "other.onnx").write_bytes(b"other" + CONTENT)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_file_is_fetched_once(no_weights: Path, address: str) -> None:
    model = replace(MODEL, url=f"{address}/tiny.onnx")
    place = fetch(no_weights, "tiny", model)
    assert place == fetched_folder(no_weights) / "detect/tiny.onnx"
    assert verified(no_weights, "tiny", replace(model, url=None)) == CONTENT


def test_other_bytes_behind_the_address_are_not_kept(no_weights: Path, address: str) -> None:
    with pytest.raises(ModelError, match="pinned"):
        fetch(no_weights, "tiny", replace(MODEL, url=f"{address}/other.onnx"))
    assert list(fetched_folder(no_weights).rglob("*.onnx*")) == []


@pytest.mark.parametrize("name", ["absent.onnx", "../../etc/passwd"])
def test_an_address_that_does_not_answer_says_where_to_put_the_file(
    no_weights: Path, address: str, name: str
) -> None:
    with pytest.raises(ModelError, match=r"tiny: http://.* detect/tiny\.onnx into the folder"):
        fetch(no_weights, "tiny", replace(MODEL, url=f"{address}/{name}"))


def test_only_web_addresses_are_fetched(tmp_path: Path) -> None:
    (tmp_path / "tiny.onnx").write_bytes(CONTENT)
    with pytest.raises(ModelError, match="no web address"):
        from_url((tmp_path / "tiny.onnx").as_uri())


def test_a_changed_file_in_the_weights_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXAMGATE_WEIGHTS_DIR", str(tmp_path / "weights"))
    (tmp_path / "weights/detect").mkdir(parents=True)
    (tmp_path / "weights/detect/tiny.onnx").write_bytes(CONTENT[:-1])
    with pytest.raises(ModelError, match=r"tiny: sha256 is .*, pinned is"):
        verified(tmp_path, "tiny", MODEL)


def test_names_are_of_one_kind_and_addresses_are_safe() -> None:
    assert len(CATALOGUE) == len(EMBEDDERS) + len(DETECTORS) + len(ATTRIBUTE_MODELS)
    assert len({model.file for model in CATALOGUE.values()}) == len(CATALOGUE)
    for model in CATALOGUE.values():
        assert model.url is None or model.url.startswith("https://")
        assert (model.npm_package is None) == (model.npm_member is None)


def test_a_name_of_another_kind_is_not_found() -> None:
    assert find("det_500m", PretrainedDetector).licence == detector_licence(
        ScrfdConfig(weights="det_500m")
    )
    with pytest.raises(ModelError, match=r"no detector 'mobilefacenet_foamliu'; known are yunet"):
        find("mobilefacenet_foamliu", PretrainedDetector)


def test_every_network_that_settings_can_name_is_in_the_catalogue() -> None:
    assert set(DETECTORS) == set(NETWORK_SHA256)


def test_mtcnn_is_built_and_needs_no_download(no_weights: Path) -> None:
    install_detector(no_weights, MtcnnConfig(), no_weights / "detector")
    assert open_detector(no_weights / "detector", MtcnnConfig()) is not None
    assert "MIT" in detector_licence(MtcnnConfig())


@pytest.mark.parametrize("config", [YunetConfig(), RetinafaceConfig(), ScrfdConfig()])
def test_a_detector_is_installed_with_its_network_only(
    config: YunetConfig | RetinafaceConfig | ScrfdConfig, tmp_path: Path
) -> None:
    try:
        weights_dir(ROOT)
    except WeightsError as error:
        pytest.skip(str(error))
    install_detector(ROOT, config, tmp_path / "detector")
    assert {path.name for path in (tmp_path / "detector").iterdir()} == set(network_files(config))
    open_detector(tmp_path / "detector", config)


def test_a_detector_that_is_not_at_hand_is_named(no_weights: Path) -> None:
    with pytest.raises(ModelError, match=r"scrfd_2.5g_bnkps: no public address"):
        install_detector(no_weights, ScrfdConfig(), no_weights / "detector")
    assert not (no_weights / "detector").exists()
