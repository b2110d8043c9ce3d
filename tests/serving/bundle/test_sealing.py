"""From a folder and a draft to a release."""

import shutil
from pathlib import Path

import pytest

from data.detection.config import DetectorConfig, RetinafaceConfig, ScrfdConfig, YunetConfig
from data.files import sha256_file
from serving.bundle import ReleaseDraft, open_bundle, seal
from serving.errors import (
    BundleDigestError,
    BundleFormatError,
    BundleGraphError,
    BundleMissingError,
)
from tests.serving.bundle.breaking import flip, link


def test_sealing_twice_gives_one_digest(bundle: Path, tiny_draft: ReleaseDraft) -> None:
    before = sha256_file(bundle / "release.json")
    seal(bundle, tiny_draft)
    assert sha256_file(bundle / "release.json") == before


def test_report_added_before_sealing_is_listed(bundle: Path, tiny_draft: ReleaseDraft) -> None:
    (bundle / "reports").mkdir()
    (bundle / "reports" / "gate.json").write_text("{}")
    release = seal(bundle, tiny_draft)
    assert release.files["reports/gate.json"].size_bytes == 2
    assert open_bundle(bundle).release == release


def test_seal_refuses_a_folder_without_an_embedder(bundle: Path, tiny_draft: ReleaseDraft) -> None:
    (bundle / "embed.onnx").unlink()
    with pytest.raises(BundleFormatError, match=r"cannot be sealed: files: .*embed\.onnx"):
        seal(bundle, tiny_draft)


def test_seal_refuses_a_folder_without_a_detector(bundle: Path, tiny_draft: ReleaseDraft) -> None:
    shutil.rmtree(bundle / "detector")
    with pytest.raises(BundleFormatError, match="nothing under detector/"):
        seal(bundle, tiny_draft)


def test_seal_refuses_a_link_and_a_missing_folder(bundle: Path, tiny_draft: ReleaseDraft) -> None:
    link(bundle)
    with pytest.raises(BundleFormatError, match="is a link"):
        seal(bundle, tiny_draft)
    with pytest.raises(BundleMissingError, match="nowhere is no folder"):
        seal(bundle / "nowhere", tiny_draft)


def test_seal_killed_before_the_end_leaves_no_bundle(
    bundle: Path, tiny_draft: ReleaseDraft
) -> None:
    """The old release.json beside a new graph, as a killed export leaves it."""
    flip(bundle)
    with pytest.raises(BundleDigestError):
        open_bundle(bundle)
    seal(bundle, tiny_draft)
    open_bundle(bundle)


@pytest.mark.parametrize(
    ("config", "file"),
    [
        (YunetConfig(), "yunet_2026may.onnx"),
        (RetinafaceConfig(), "retinaface_mnet025_640.onnx"),
        (ScrfdConfig(weights="det_500m"), "det_500m.onnx"),
    ],
)
def test_seal_refuses_the_networks_of_another_detector(
    bundle: Path, tiny_draft: ReleaseDraft, config: DetectorConfig, file: str
) -> None:
    with pytest.raises(
        BundleFormatError, match=f"{config.name}.*needs detector/{file}, not listed"
    ):
        seal(bundle, tiny_draft.revised(detector=config))


def test_a_detector_survives_the_release(bundle: Path, tiny_draft: ReleaseDraft) -> None:
    """The settings come back as the very type that was sealed, its licence beside them."""
    config = ScrfdConfig(weights="det_500m", score_threshold=0.4)
    # Any network will do here: its digest is checked when it is loaded.
    shutil.copy(bundle / "detector" / "pnet.onnx", bundle / "detector" / "det_500m.onnx")
    seal(bundle, tiny_draft.revised(detector=config, detector_licence="research only"))
    release = open_bundle(bundle).release
    assert (release.detector, release.detector_licence) == (config, "research only")


def test_seal_refuses_a_graph_that_no_bundle_may_carry(
    bundle: Path, tiny_draft: ReleaseDraft
) -> None:
    before = (bundle / "release.json").read_bytes()
    (bundle / "embed.onnx").write_bytes(b"no graph")
    with pytest.raises(BundleGraphError, match=r"embed\.onnx is no ONNX file"):
        seal(bundle, tiny_draft)
    assert (bundle / "release.json").read_bytes() == before


def test_a_new_release_has_no_signature_of_the_old(bundle: Path, tiny_draft: ReleaseDraft) -> None:
    (bundle / "release.sig").write_text("of the old")
    seal(bundle, tiny_draft)
    assert not (bundle / "release.sig").exists()
