"""What a whole bundle gives, and what is refused after it was opened."""

import json
from pathlib import Path
from typing import Any

import pytest

from data.files import sha256_file
from serving.bundle import GateSummary, ReleaseDraft, copy_bundle, open_bundle, seal
from serving.errors import (
    BundleDigestError,
    BundleMissingError,
    BundleNotReleasedError,
)
from tests.serving.bundle.breaking import edit, flip


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


def test_edited_threshold_is_caught_by_the_expected_digest_alone(bundle: Path) -> None:
    digest = sha256_file(bundle / "release.json")
    points = json.loads((bundle / "release.json").read_text())["operating_points"]
    points["fmr_1e-3"]["threshold"] = 0.0
    edit(bundle, operating_points=points)
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
    flip(bundle)
    with pytest.raises(BundleDigestError, match=r"embed\.onnx has changed"):
        opened.read("embed.onnx")
    (bundle / "embed.onnx").unlink()
    with pytest.raises(BundleMissingError, match=r"embed\.onnx is gone"):
        opened.read("embed.onnx")


def test_unlisted_file_has_no_path(tiny_bundle: Path) -> None:
    with pytest.raises(BundleMissingError, match=r"lists no embed\.int8\.onnx"):
        open_bundle(tiny_bundle).path("embed.int8.onnx")


@pytest.mark.parametrize("verdict", ["fail", "inconclusive"])
def test_only_a_pass_is_a_release(bundle: Path, tiny_draft: ReleaseDraft, verdict: Any) -> None:
    gate = GateSummary(verdict=verdict, sha256="0" * 64)
    seal(bundle, tiny_draft.revised(gate=gate))
    with pytest.raises(BundleNotReleasedError, match=f"tiny in .* verdict is '{verdict}'"):
        open_bundle(bundle)
    assert open_bundle(bundle, require_released=False).release.gate == gate


def test_copy_is_the_same_bundle(tiny_bundle: Path, tmp_path: Path) -> None:
    copied = copy_bundle(tiny_bundle, tmp_path / "here" / "copy")
    assert open_bundle(tmp_path / "here" / "copy", copied.digest) == copied
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["copy"]


def test_broken_bundle_is_not_copied(bundle: Path, tmp_path: Path) -> None:
    flip(bundle)
    with pytest.raises(BundleDigestError):
        copy_bundle(bundle, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
