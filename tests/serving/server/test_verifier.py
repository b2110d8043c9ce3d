"""The verifier by itself: no HTTP."""

import io
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from data.detection.config import YunetConfig
from data.errors import (
    FaceTooObliqueError,
    ImageTooLargeError,
    NoFaceError,
    UnsupportedImageTypeError,
)
from data.face import TEMPLATE_PX, DetectedFace, RgbU8
from data.images import ImageLimits
from serving.bundle import Bundle, ReleaseDraft, open_bundle, seal
from serving.comparison import PhotoError
from serving.config import ServerConfig
from serving.cpus import usable_cores
from serving.engine import EngineConfig, load_engine
from serving.verifier import FaceVerifier, OperatingPointError

Photos = dict[str, bytes]
REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("image1", "image2", "at_fault", "reason"),
    [
        ("no_face", "ada", "image1", NoFaceError),
        ("ada", "no_face", "image2", NoFaceError),
        ("no_face", "noise", "image1", NoFaceError),
        ("noise", "no_face", "image1", UnsupportedImageTypeError),
    ],
)
def test_the_first_photo_at_fault_is_named(
    verifier: FaceVerifier,
    photos: Photos,
    image1: str,
    image2: str,
    at_fault: str,
    reason: type[Exception],
) -> None:
    with pytest.raises(PhotoError, match=f"^{at_fault}: ") as raised:
        verifier.compare(photos[image1], photos[image2])
    assert raised.value.image == at_fault
    assert isinstance(raised.value.reason, reason)


def test_the_limits_are_the_configs(opened_bundle: Bundle, photos: Photos) -> None:
    config = ServerConfig(threads=1, image_limits=ImageLimits(max_pixels=100))
    with pytest.raises(PhotoError) as raised:
        FaceVerifier.from_bundle(opened_bundle, config).compare(photos["ada"], photos["bob"])
    assert isinstance(raised.value.reason, ImageTooLargeError)


@pytest.mark.parametrize(("name", "threshold"), [("fmr_1e-1", 0.4), (None, 0.8)])
def test_the_operating_point_is_one_of_the_bundles(
    opened_bundle: Bundle, photos: Photos, name: str | None, threshold: float
) -> None:
    config = ServerConfig(threads=1, operating_point=name)
    verifier = FaceVerifier.from_bundle(opened_bundle, config)
    comparison = verifier.compare(photos["ada"], photos["bob"])
    assert comparison.threshold == pytest.approx(threshold)
    assert comparison.operating_point == (name or "fmr_1e-3")
    assert comparison.is_same_person == (comparison.similarity >= threshold)


def test_an_unknown_operating_point_names_the_known(opened_bundle: Bundle) -> None:
    config = ServerConfig(operating_point="fmr_1e-9")
    with pytest.raises(OperatingPointError, match=r"fmr_1e-9.*fmr_1e-1, fmr_1e-2, fmr_1e-3"):
        FaceVerifier.from_bundle(opened_bundle, config)


def test_threads_share_one_verifier(verifier: FaceVerifier, photos: Photos) -> None:
    alone = verifier.compare(photos["ada"], photos["bob"]).similarity
    with ThreadPoolExecutor(4) as threads:
        results = threads.map(
            lambda _: verifier.compare(photos["ada"], photos["bob"]).similarity, range(16)
        )
    assert set(results) == {alone}


def test_a_photo_turned_by_exif_is_the_same_photo(verifier: FaceVerifier, photos: Photos) -> None:
    orientation = Image.Exif()
    orientation[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    turned = io.BytesIO()
    with Image.open(io.BytesIO(photos["ada"])) as upright:
        upright.transpose(Image.Transpose.ROTATE_90).save(turned, "PNG", exif=orientation)
    comparison = verifier.compare(photos["ada"], turned.getvalue())
    assert comparison.similarity == pytest.approx(1.0, abs=1e-6)
    assert comparison.photos[0].height_px == comparison.photos[1].height_px


def test_the_self_test_passes(verifier: FaceVerifier) -> None:
    verifier.self_test()


@pytest.mark.parametrize(
    ("quota", "most"),
    [("100000 100000", 1), ("150000 100000", 2), ("1000 100000", 1), ("max 100000", 10**6)],
)
def test_a_quota_limits_the_cores(tmp_path: Path, quota: str, most: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    assert 1 <= usable_cores(file) <= most


@pytest.mark.parametrize("content", ["", "nonsense", "1 0", "\x00"])
def test_a_quota_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(content)
    assert usable_cores(file) == usable_cores(tmp_path / "absent")


def test_a_bundle_brings_its_own_detector(
    tiny_bundle: Path, tiny_draft: ReleaseDraft, tmp_path: Path, photos: Photos
) -> None:
    weights = Path(os.environ.get("EXAMGATE_WEIGHTS_DIR", REPOSITORY / "../shared/weights"))
    network = weights / "detect/yunet_2026may.onnx"
    if not network.is_file():
        pytest.skip(f"no {network}; set EXAMGATE_WEIGHTS_DIR")
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    shutil.rmtree(folder / "detector")
    (folder / "detector").mkdir()
    shutil.copyfile(network, folder / "detector" / network.name)
    seal(folder, tiny_draft.revised(detector=YunetConfig(), detector_licence="MIT"))
    found = FaceVerifier.from_bundle(open_bundle(folder), ServerConfig(detector_threads=2)).compare(
        photos["ada"], photos["ada"]
    )
    assert found.similarity == pytest.approx(1, abs=1e-6)


class _Profile:
    """A detector that sees every face from the side: the nose lies far off the eyes' middle."""

    def detect(self, image_rgb_u8: RgbU8) -> list[DetectedFace]:
        height, width = image_rgb_u8.shape[:2]
        landmarks_px = TEMPLATE_PX.copy()
        landmarks_px[2, 0] += 30
        return [DetectedFace((0.0, 0.0, float(width), float(height)), landmarks_px, 1.0)]

    def detect_batch(self, images_rgb_u8: Sequence[RgbU8]) -> list[list[DetectedFace]]:
        return [self.detect(image) for image in images_rgb_u8]


def test_a_face_from_the_side_is_refused(
    opened_bundle: Bundle, verifier: FaceVerifier, photos: Photos
) -> None:
    sideways = FaceVerifier(
        verifier.model,
        verifier.rule,
        _Profile(),
        load_engine(opened_bundle, EngineConfig()),
        opened_bundle.release.face_policy,
        ImageLimits(),
    )
    with pytest.raises(PhotoError) as raised:
        sideways.compare(photos["ada"], photos["bob"])
    assert isinstance(raised.value.reason, FaceTooObliqueError)
