"""Every way to tamper with a bundle, and the error that says which."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from data.detection.config import DetectorConfig, RetinafaceConfig, ScrfdConfig, YunetConfig
from data.face import CONTRACT_ID
from data.files import sha256_file
from serving.bundle import (
    GateSummary,
    ReleaseDraft,
    copy_bundle,
    open_bundle,
    seal,
)
from serving.errors import (
    BundleDigestError,
    BundleError,
    BundleFormatError,
    BundleMissingError,
    BundleNotReleasedError,
)
from serving.release import FileEntry, Release


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the tiny bundle to break."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def _edit(bundle: Path, **changes: Any) -> None:
    path = bundle / "release.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_sealed_bundle_opens_with_its_digest(tiny_bundle: Path, tiny_draft: ReleaseDraft) -> None:
    digest = sha256_file(tiny_bundle / "release.json")
    bundle = open_bundle(tiny_bundle, digest)
    assert bundle.digest == digest
    assert bundle.release.revised() == tiny_draft
    assert sorted(bundle.release.files) == [
        "detector/onet.onnx",
        "detector/pnet.onnx",
        "detector/rnet.onnx",
        "embed.onnx",
    ]
    assert bundle.path("embed.onnx") == tiny_bundle / "embed.onnx"
    assert bundle.read("embed.onnx") == (tiny_bundle / "embed.onnx").read_bytes()


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


def _flip(bundle: Path) -> None:
    path = bundle / "embed.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _grow(bundle: Path) -> None:
    with (bundle / "detector" / "pnet.onnx").open("ab") as stream:
        stream.write(b"\0")


def _add(bundle: Path) -> None:
    (bundle / "detector" / "extra.pkl").write_bytes(pickle.dumps("boo"))


def _link(bundle: Path) -> None:
    path = bundle / "embed.onnx"
    path.rename(bundle.parent / "elsewhere.onnx")
    path.symlink_to(bundle.parent / "elsewhere.onnx")


def _link_folder(bundle: Path) -> None:
    (bundle / "detector").rename(bundle.parent / "detector")
    (bundle / "detector").symlink_to(bundle.parent / "detector")


def _link_release(bundle: Path) -> None:
    path = bundle / "release.json"
    path.rename(bundle.parent / "release.json")
    path.symlink_to(bundle.parent / "release.json")


def _escape(bundle: Path) -> None:
    release = json.loads((bundle / "release.json").read_text())
    shutil.copy(bundle / "embed.onnx", bundle.parent / "outside.onnx")
    _edit(bundle, files={**release["files"], "../outside.onnx": release["files"]["embed.onnx"]})


Tamper = Callable[[Path], object]

TAMPERED: dict[str, tuple[Tamper, type[BundleError], str]] = {
    "flipped byte": (_flip, BundleDigestError, r"embed\.onnx is not the file that was sealed"),
    "longer file": (_grow, BundleDigestError, r"pnet\.onnx has .* bytes, sealed were"),
    "file added": (_add, BundleFormatError, r"holds detector/extra\.pkl, which its release"),
    "file removed": (
        lambda b: (b / "detector" / "rnet.onnx").unlink(),
        BundleMissingError,
        r"lacks detector/rnet\.onnx; fetch the bundle again",
    ),
    "file is a link": (_link, BundleFormatError, r"embed\.onnx is a link"),
    "folder is a link": (_link_folder, BundleFormatError, "detector is a link"),
    "file is a pipe": (
        lambda b: os.mkfifo(b / "pipe"),
        BundleFormatError,
        "pipe is a link or no plain file",
    ),
    "release is a link": (_link_release, BundleFormatError, r"release\.json is a link"),
    "no release": (
        lambda b: (b / "release.json").unlink(),
        BundleMissingError,
        r"holds no release\.json",
    ),
    "no folder": (shutil.rmtree, BundleMissingError, "bundle is no folder"),
    "no json": (
        lambda b: (b / "release.json").write_text("{"),
        BundleFormatError,
        r"release\.json is no JSON",
    ),
    "no object": (
        lambda b: (b / "release.json").write_text("[]"),
        BundleFormatError,
        "format version None",
    ),
    "huge release": (
        lambda b: (b / "release.json").write_text(" " * (1 << 20) + "{}"),
        BundleFormatError,
        r"larger than 1,048,576 bytes",
    ),
    "path outside": (_escape, BundleFormatError, r"'\.\./outside\.onnx' is no plain path"),
    "other contract": (
        lambda b: _edit(b, contract_id="arcface-128-bgr"),
        BundleFormatError,
        "contract is 'arcface-128-bgr', this server's 'arcface-112-rgb-v1'",
    ),
    "unknown key": (
        lambda b: _edit(b, colour="blue"),
        BundleFormatError,
        "colour: Extra inputs are not permitted",
    ),
    "text for a number": (
        lambda b: _edit(b, embedding_dim="64"),
        BundleFormatError,
        "embedding_dim: Input should be a valid integer",
    ),
    "future format": (
        lambda b: _edit(b, format_version=2),
        BundleFormatError,
        "format version 2, this server reads 1; run the server that matches",
    ),
    "no gate": (lambda b: _edit(b, gate=None), BundleNotReleasedError, "no gate has judged it"),
    "landmarks of the data": (
        lambda b: _edit(b, landmarks="given"),
        BundleNotReleasedError,
        "judged on landmarks given with the data",
    ),
    "no thresholds": (
        lambda b: _edit(b, operating_points={}, default_operating_point=None),
        BundleNotReleasedError,
        "it has no operating points",
    ),
    "no default threshold": (
        lambda b: _edit(b, default_operating_point=None),
        BundleNotReleasedError,
        "names no default operating point",
    ),
    "unknown default": (
        lambda b: _edit(b, default_operating_point="fmr_1e-9"),
        BundleFormatError,
        "'fmr_1e-9' is not one of: fmr_1e-1, fmr_1e-2, fmr_1e-3",
    ),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampered_bundle_is_refused_by_name(bundle: Path, case: str) -> None:
    tamper, error, message = TAMPERED[case]
    tamper(bundle)
    with pytest.raises(error, match=message):
        open_bundle(bundle)


@pytest.mark.parametrize("verdict", ["fail", "inconclusive"])
def test_only_a_pass_is_a_release(bundle: Path, tiny_draft: ReleaseDraft, verdict: Any) -> None:
    gate = GateSummary(verdict=verdict, sha256="0" * 64)
    seal(bundle, tiny_draft.revised(gate=gate))
    with pytest.raises(BundleNotReleasedError, match=f"tiny in .* verdict is '{verdict}'"):
        open_bundle(bundle)
    assert open_bundle(bundle, require_released=False).release.gate == gate


def test_edited_threshold_is_caught_by_the_expected_digest_alone(bundle: Path) -> None:
    digest = sha256_file(bundle / "release.json")
    points = json.loads((bundle / "release.json").read_text())["operating_points"]
    points["fmr_1e-3"]["threshold"] = 0.0
    _edit(bundle, operating_points=points)
    with pytest.raises(BundleDigestError, match=f"expected {digest}; fetch"):
        open_bundle(bundle, digest)
    assert open_bundle(bundle).digest != digest


def test_digest_is_checked_before_anything_is_parsed(bundle: Path) -> None:
    digest = sha256_file(bundle / "release.json")
    (bundle / "release.json").write_text("{")
    with pytest.raises(BundleDigestError):
        open_bundle(bundle, digest)


def test_file_swapped_after_opening_is_not_read(bundle: Path) -> None:
    opened = open_bundle(bundle)
    _flip(bundle)
    with pytest.raises(BundleDigestError, match=r"embed\.onnx has changed"):
        opened.read("embed.onnx")
    (bundle / "embed.onnx").unlink()
    with pytest.raises(BundleMissingError, match=r"embed\.onnx is gone"):
        opened.read("embed.onnx")


def test_unlisted_file_has_no_path(tiny_bundle: Path) -> None:
    with pytest.raises(BundleMissingError, match=r"lists no embed\.int8\.onnx"):
        open_bundle(tiny_bundle).path("embed.int8.onnx")


@given(position=st.integers(0), bit=st.integers(0, 7))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_flipped_bit_of_any_file_goes_unseen(bundle: Path, position: int, bit: int) -> None:
    digest = sha256_file(bundle / "release.json")
    files = sorted(path for path in bundle.rglob("*") if path.is_file())
    path = files[position % len(files)]
    original = path.read_bytes()
    flipped = bytearray(original)
    flipped[position % len(original)] ^= 1 << bit
    path.write_bytes(flipped)
    try:
        with pytest.raises(BundleDigestError):
            open_bundle(bundle, digest)
    finally:
        path.write_bytes(original)


def test_seal_refuses_a_folder_without_an_embedder(bundle: Path, tiny_draft: ReleaseDraft) -> None:
    (bundle / "embed.onnx").unlink()
    with pytest.raises(BundleFormatError, match=r"cannot be sealed: files: .*embed\.onnx"):
        seal(bundle, tiny_draft)


def test_seal_refuses_a_folder_without_a_detector(bundle: Path, tiny_draft: ReleaseDraft) -> None:
    shutil.rmtree(bundle / "detector")
    with pytest.raises(BundleFormatError, match="nothing under detector/"):
        seal(bundle, tiny_draft)


def test_seal_refuses_a_link_and_a_missing_folder(bundle: Path, tiny_draft: ReleaseDraft) -> None:
    _link(bundle)
    with pytest.raises(BundleFormatError, match="is a link"):
        seal(bundle, tiny_draft)
    with pytest.raises(BundleMissingError, match="nowhere is no folder"):
        seal(bundle / "nowhere", tiny_draft)


def test_seal_killed_before_the_end_leaves_no_bundle(
    bundle: Path, tiny_draft: ReleaseDraft
) -> None:
    """The old release.json beside a new graph, as a killed export leaves it."""
    _flip(bundle)
    with pytest.raises(BundleDigestError):
        open_bundle(bundle)
    seal(bundle, tiny_draft)
    open_bundle(bundle)


def test_copy_is_the_same_bundle(tiny_bundle: Path, tmp_path: Path) -> None:
    copied = copy_bundle(tiny_bundle, tmp_path / "here" / "copy")
    assert open_bundle(tmp_path / "here" / "copy", copied.digest) == copied
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["copy"]


def test_broken_bundle_is_not_copied(bundle: Path, tmp_path: Path) -> None:
    _flip(bundle)
    with pytest.raises(BundleDigestError):
        copy_bundle(bundle, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "a/../b", "./a", "a//b", "a/", "a\\b", "", ".", "release.json", "a\0b"]
)
def test_only_plain_paths_are_listed(tiny_draft: ReleaseDraft, name: str) -> None:
    entry = FileEntry(sha256="0" * 64, size_bytes=1)
    files = {"embed.onnx": entry, "detector/pnet.onnx": entry, name: entry}
    with pytest.raises(ValidationError, match="no plain path inside a bundle"):
        Release(**dict(tiny_draft), files=files)


@pytest.mark.parametrize(
    "change",
    [
        {"embedding_dim": 0},
        {"licence": ""},
        {"evaluation_sha256": "abc"},
        {"operating_points": {"a": {"target_fmr": 0.1, "threshold": 1.5}}},
        {"contract_id": "other"},
        {"colour": "blue"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_revision_is_validated(tiny_draft: ReleaseDraft, change: dict[str, Any]) -> None:
    assert tiny_draft.contract_id == CONTRACT_ID
    with pytest.raises(ValidationError):
        tiny_draft.revised(**change)


def test_a_release_that_still_names_detector_threads_opens(tiny_bundle: Path, bundle: Path) -> None:
    """The first releases did; the field never changed a result."""
    path = bundle / "release.json"
    release = json.loads(path.read_text())
    release["detector"]["threads"] = 1
    del release["detector_licence"]
    path.write_text(json.dumps(release))
    assert open_bundle(bundle).release == open_bundle(tiny_bundle).release


def test_threads_of_any_other_detector_are_no_setting(tiny_draft: ReleaseDraft) -> None:
    with pytest.raises(ValidationError, match=r"yunet\.threads"):
        tiny_draft.revised(detector={"name": "yunet", "threads": 1})


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
    (bundle / "detector" / "det_500m.onnx").write_bytes(b"digest is checked when it is loaded")
    seal(bundle, tiny_draft.revised(detector=config, detector_licence="research only"))
    release = open_bundle(bundle).release
    assert (release.detector, release.detector_licence) == (config, "research only")
