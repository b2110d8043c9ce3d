"""Stage `ingest`, source by source: what it writes, and how it fails."""

import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from data.errors import SourceError
from data.files import read_json
from data.manifest import SOURCE_SCHEMA, read_manifest
from data.published import read_published
from pipelines.ingest import ingest
from pipelines.layout import Layout
from pipelines.params import IngestParams, Params, load_params

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A tree whose folder of data sets has one small set of each kind."""
    data = tmp_path / "data"
    monkeypatch.setenv("EXAMGATE_DATA_DIR", str(data))
    crops = [_crop(number) for number in range(20)]
    for number, person in enumerate(("ann", "ann", "bob")):
        path = data / f"people/{person}/{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(crops[number])
    (data / "list.csv").write_text("path,subject_id\nann/0.jpg,ann\nbob/2.jpg,bob\n")
    (data / "lfw.bin").write_bytes(pickle.dumps((crops, [True] * 10), protocol=4))
    return Layout(tmp_path / "repository")


def _crop(number: int) -> bytes:
    image = np.random.default_rng(number).integers(0, 255, (112, 112, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", image)[1].tobytes()


def _params(source: dict[str, Any]) -> Params:
    params = load_params(ROOT / "params.yaml")
    return params.model_copy(update={"ingest": IngestParams.model_validate({"source": source})})


FOLDER = {"kind": "folder", "folder": "people"}
SOURCES: dict[str, dict[str, Any]] = {
    "folder": FOLDER,
    "listing": {"kind": "listing", "file": "list.csv", "photos": "people"},
    "verification_bin": {
        "kind": "verification_bin",
        "file": "lfw.bin",
        "unbalanced_folds": True,
    },
}


@pytest.mark.parametrize(("kind", "num_photos"), [("folder", 3), ("listing", 2)])
def test_photos_and_rows_are_written_without_a_protocol(
    layout: Layout, kind: str, num_photos: int
) -> None:
    ingest(_params(SOURCES[kind]), layout)
    table = read_manifest(layout.source_manifest, SOURCE_SCHEMA)
    assert len(table) == num_photos
    assert all((layout.photos / path).is_file() for path in table["path"])
    assert not layout.protocol_pairs.exists()
    figures = read_json(layout.metrics("ingest"))
    assert isinstance(figures, dict)
    assert (figures["num_photos"], figures["num_subjects"]) == (num_photos, 2)


def test_published_pairs_are_written_beside_the_manifest(layout: Layout) -> None:
    ingest(_params(SOURCES["verification_bin"]), layout)
    table = read_manifest(layout.source_manifest, SOURCE_SCHEMA)
    pairs = read_published(layout.protocol_pairs)
    assert pairs.on(list(table["image_id"])).genuine.all()
    figures = read_json(layout.metrics("ingest"))
    assert isinstance(figures, dict)
    assert figures["num_protocol_pairs"] == 10


def test_object_store_is_fetched_into_a_cache_outside_the_output(layout: Layout) -> None:
    url = f"file://{layout.root.parent}/data/people"
    store = {"kind": "object_store", "url": url, "max_bytes": 10**6, "max_objects": 10}
    ingest(_params({**store, "inner": {"kind": "folder", "folder": "."}}), layout)
    assert len(read_manifest(layout.source_manifest, SOURCE_SCHEMA)) == 3
    names = {path.name for path in layout.object_cache.rglob("*.jpg")}
    assert names == {"0.jpg", "1.jpg", "2.jpg"}


def test_refused_source_leaves_the_last_output_as_it_was(layout: Layout) -> None:
    ingest(_params(FOLDER), layout)
    (layout.root.parent / "data/people/ann/notes.txt").write_text("x")
    with pytest.raises(SourceError, match=r"notes\.txt"):
        ingest(_params(FOLDER), layout)
    assert len(read_manifest(layout.source_manifest, SOURCE_SCHEMA)) == 3
    assert [p.name for p in layout.source_manifest.parent.parent.iterdir()] == ["ingest"]


def test_store_cannot_hold_a_store_or_a_campus() -> None:
    campus = yaml.safe_load((ROOT / "params.yaml").read_text())["ingest"]["source"]
    store = {"kind": "object_store", "url": "s3://b/p", "max_bytes": 1, "max_objects": 1}
    for inner in (campus, {**store, "inner": FOLDER}):
        with pytest.raises(ValidationError, match="inner"):
            IngestParams.model_validate({"source": {**store, "inner": inner}})


def test_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match="'verification_bin'"):
        IngestParams.model_validate({"source": {"kind": "tape"}})
