"""What release.json may say."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from data.face import CONTRACT_ID
from serving.bundle import ReleaseDraft, open_bundle
from serving.release import FileEntry, Release


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "a/../b",
        "./a",
        "a//b",
        "a/",
        "a\\b",
        "",
        ".",
        "release.json",
        "release.sig",
        "a\0b",
    ],
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
