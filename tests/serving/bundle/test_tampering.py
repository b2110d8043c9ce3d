"""Every way to tamper with a bundle, and the error that says which."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.files import sha256_file
from serving.bundle import open_bundle
from serving.errors import (
    BundleDigestError,
    BundleError,
    BundleFormatError,
    BundleMissingError,
    BundleNotReleasedError,
)
from tests.serving.bundle.breaking import edit, flip, link


def _grow(bundle: Path) -> None:
    with (bundle / "detector" / "pnet.onnx").open("ab") as stream:
        stream.write(b"\0")


def _add(bundle: Path) -> None:
    (bundle / "detector" / "extra.pkl").write_bytes(pickle.dumps("boo"))


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
    edit(bundle, files={**release["files"], "../outside.onnx": release["files"]["embed.onnx"]})


Tamper = Callable[[Path], object]


TAMPERED: dict[str, tuple[Tamper, type[BundleError], str]] = {
    "flipped byte": (flip, BundleDigestError, r"embed\.onnx is not the file that was sealed"),
    "longer file": (_grow, BundleDigestError, r"pnet\.onnx has .* bytes, sealed were"),
    "file added": (_add, BundleFormatError, r"holds detector/extra\.pkl, which its release"),
    "file removed": (
        lambda b: (b / "detector" / "rnet.onnx").unlink(),
        BundleMissingError,
        r"lacks detector/rnet\.onnx; fetch the bundle again",
    ),
    "file is a link": (link, BundleFormatError, r"embed\.onnx is a link"),
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
        lambda b: edit(b, contract_id="arcface-128-bgr"),
        BundleFormatError,
        "contract is 'arcface-128-bgr', this server's 'arcface-112-rgb-v1'",
    ),
    "unknown key": (
        lambda b: edit(b, colour="blue"),
        BundleFormatError,
        "colour: Extra inputs are not permitted",
    ),
    "text for a number": (
        lambda b: edit(b, embedding_dim="64"),
        BundleFormatError,
        "embedding_dim: Input should be a valid integer",
    ),
    "future format": (
        lambda b: edit(b, format_version=2),
        BundleFormatError,
        "format version 2, this server reads 1; run the server that matches",
    ),
    "no gate": (lambda b: edit(b, gate=None), BundleNotReleasedError, "no gate has judged it"),
    "landmarks of the data": (
        lambda b: edit(b, landmarks="given"),
        BundleNotReleasedError,
        "judged on landmarks given with the data",
    ),
    "no thresholds": (
        lambda b: edit(b, operating_points={}, default_operating_point=None),
        BundleNotReleasedError,
        "it has no operating points",
    ),
    "no default threshold": (
        lambda b: edit(b, default_operating_point=None),
        BundleNotReleasedError,
        "names no default operating point",
    ),
    "unknown default": (
        lambda b: edit(b, default_operating_point="fmr_1e-9"),
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
