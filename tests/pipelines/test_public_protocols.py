"""Published protocols for real: rendered people, real detector, the tiny bundle, small sets."""

import json
import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from data.alignment import align
from data.errors import SourceError, WeightsError
from data.face import TEMPLATE_PX, LandmarksPx, RgbU8, l2_normalise
from data.images import decode_image
from data.manifest import TRUE_LANDMARK_COLUMNS
from data.published_figures import read_published_figures
from data.sources.campus.config import CampusConfig
from data.sources.campus.render import render_photo
from pipelines.cli import app
from pipelines.environment import data_dir
from pipelines.errors import StageError
from pipelines.models import find
from pipelines.params import load_params
from pipelines.pretrained import locate
from pipelines.public_embedding import PublicEmbedder
from pipelines.public_protocols import PublicOptions, evaluate_public
from pipelines.public_sets import lfw_set
from pipelines.public_table import table_lines
from pipelines.wrapping import wrap
from serving.bundle import Bundle, ReleaseDraft, open_bundle, seal
from serving.errors import BundleMissingError

ROOT = Path(__file__).resolve().parents[2]
PEOPLE, PHOTOS_EACH = 4, 2
NAMES = ("Ada", "Ben", "Cleo", "Dan")


@dataclass(frozen=True)
class Photo:
    content: bytes
    landmarks_px: LandmarksPx

    @property
    def crop_rgb_u8(self) -> RgbU8:
        return align(decode_image(self.content), self.landmarks_px)


@pytest.fixture(scope="module")
def photos() -> list[Photo]:
    """Two photos of each of four people, person by person."""
    config = CampusConfig(num_subjects=PEOPLE, photos_per_subject=PHOTOS_EACH, seed=7)
    found = []
    for number in range(PEOPLE * PHOTOS_EACH):
        content, row = render_photo(config, number)
        points = np.array([row[name] for name in TRUE_LANDMARK_COLUMNS], np.float32)
        found.append(Photo(content, points.reshape(5, 2)))
    return found


@pytest.fixture(scope="module")
def lfw(photos: list[Photo], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as LFW's: ten folds of two genuine and two impostor pairs of the same photos."""
    folder = tmp_path_factory.mktemp("lfw")
    meta = ["path,identity,gender,xle,yle,xre,yre,xno,yno,xlm,ylm,xrm,yrm"]
    for number, photo in enumerate(photos):
        name = NAMES[number // PHOTOS_EACH]
        path = f"images/{name}/{name}_{number % PHOTOS_EACH + 1:04d}.jpg"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(photo.content)
        points = ",".join(f"{value:.3f}" for value in photo.landmarks_px.reshape(-1))
        meta.append(f"{path},{name},,{points}")
    (folder / "meta.csv").write_text("\n".join(meta) + "\n")
    fold = ["Ada\t1\t2", "Ben\t1\t2", "Ada\t1\tCleo\t1", "Ben\t2\tDan\t1"]
    (folder / "pairs.txt").write_text("\n".join(["10\t2", *fold * 10]) + "\n")
    return folder


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return open_bundle(tiny_bundle)


def _png(image_rgb_u8: RgbU8) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(image_rgb_u8, cv2.COLOR_RGB2BGR))[1].tobytes()


def _bin(path: Path, photos: list[Photo]) -> Path:
    """Ten folds of one genuine and one impostor pair, as the published files are."""
    crops = [photo.crop_rgb_u8 for photo in photos]
    images = [
        _png(crop ^ np.uint8(fold))  # a set that repeats itself is refused
        for fold in range(10)
        for crop in (crops[0], crops[1], crops[2], crops[4])
    ]
    path.write_bytes(pickle.dumps((images, [True, False] * 10), protocol=4))
    return path


def test_lfw_by_the_bundles_own_detector(bundle: Bundle, lfw: Path, tmp_path: Path) -> None:
    options = PublicOptions("lfw", lfw, mirrored=True)
    report = evaluate_public(bundle.folder, options, tmp_path, ROOT)
    assert set(report.sets) == {"lfw", "lfw_mirrored"}
    assert report.bundle_digest == bundle.digest
    assert "mtcnn" in report.faces
    for found in report.sets.values():
        assert (found.unit, found.num_units) == ("image", 6)
        assert (found.num_genuine_pairs, found.num_impostor_pairs) == (20, 20)
        assert found.accuracy is not None
        assert len(found.accuracy.fold_accuracies) == 10
    assert json.loads((tmp_path / "lfw.json").read_text()) == report.model_dump(mode="json")
    again = evaluate_public(bundle.folder, options, None, ROOT)
    assert again == report


def test_given_landmarks_need_no_detector(bundle: Bundle, lfw: Path, photos: list[Photo]) -> None:
    found = lfw_set(lfw, given_landmarks=True)
    embedder = PublicEmbedder(bundle, "given", mirrored=True)
    embeddings = embedder.embed(found)
    plain, both = embeddings.plain, embeddings.mirrored
    assert both is not None
    assert np.allclose(np.linalg.norm(plain, axis=1), 1, atol=1e-5)
    # The mirrored half is the embedding of the turned crop; the sum is of unit length.
    engine = embedder._engine
    turned = np.ascontiguousarray(photos[0].crop_rgb_u8[:, ::-1])
    wanted = l2_normalise(plain[:1] + engine.embed(turned[None], TEMPLATE_PX[None]))
    assert np.allclose(both[:1], wanted, atol=2e-3)


def test_bundle_policies_may_refuse_what_papers_take(
    bundle: Bundle, lfw: Path, tmp_path: Path, photos: list[Photo]
) -> None:
    """A photo in the dark is embedded as papers do, and sent back as the server does."""
    shutil.copytree(lfw, tmp_path / "lfw")
    dark = (decode_image(photos[0].content) // 24).astype(np.uint8)
    (tmp_path / "lfw/images/Ada/Ada_0001.jpg").write_bytes(_png(dark))
    options = PublicOptions("lfw", tmp_path / "lfw", faces="bundle")
    report = evaluate_public(bundle.folder, options, None, ROOT)
    assert report.sets["lfw"].num_failures_to_extract >= 1
    assert "policies" in report.faces


def test_bin_files_one_or_many(bundle: Bundle, photos: list[Photo], tmp_path: Path) -> None:
    one = _bin(tmp_path / "agedb_30.bin", photos)
    report = evaluate_public(bundle.folder, PublicOptions("bin", one), None, ROOT)
    assert set(report.sets) == {"agedb_30"}
    assert report.sets["agedb_30"].num_failures_to_extract == 0
    _bin(tmp_path / "cfp_fp.bin", photos[::-1])
    report = evaluate_public(bundle.folder, PublicOptions("bin", tmp_path), None, ROOT)
    assert set(report.sets) == {"agedb_30", "cfp_fp"}
    assert report.spread == {}


def test_groups_are_compared_with_each_other(
    bundle: Bundle, photos: list[Photo], tmp_path: Path
) -> None:
    _bin(tmp_path / "African.bin", photos)
    _bin(tmp_path / "Asian.bin", photos[::-1])
    options = PublicOptions("rfw", tmp_path, mirrored=True)
    report = evaluate_public(bundle.folder, options, None, ROOT)
    assert set(report.spread) == {"plain", "mirrored"}
    assert set(report.spread["plain"].at_common_threshold) == {"African", "Asian"}
    assert any(line.startswith("groups, plain") for line in table_lines(report))


def test_templates_are_pooled_by_medium(
    bundle: Bundle, photos: list[Photo], tmp_path: Path
) -> None:
    """Template 1: two frames of one video and a still; the video counts as one photo."""
    meta, crops = tmp_path / "IJBC/meta", tmp_path / "IJBC/loose_crop"
    meta.mkdir(parents=True)
    crops.mkdir()
    places = [(1, 10), (1, 10), (1, 11), (2, 20), (3, 30), (4, 40)]
    names = [f"{number}.jpg" for number in range(len(places))]
    for name, photo in zip(names, photos, strict=False):
        (crops / name).write_bytes(photo.content)
    rows = [f"{n} {t} {m}" for n, (t, m) in zip(names, places, strict=True)]
    (meta / "ijbc_face_tid_mid.txt").write_text("\n".join(rows) + "\n")
    points = [
        f"{n} {' '.join(f'{v:.3f}' for v in photo.landmarks_px.reshape(-1))} 0.9"
        for n, photo in zip(names, photos, strict=False)
    ]
    (meta / "ijbc_name_5pts_score.txt").write_text("\n".join(points) + "\n")
    (meta / "ijbc_template_pair_label.txt").write_text("1 2 1\n1 3 0\n2 4 0\n")
    options = PublicOptions("ijbc", tmp_path / "IJBC")
    report = evaluate_public(bundle.folder, options, None, ROOT)
    found = report.sets["ijbc"]
    assert (found.unit, found.num_units) == ("template", 4)
    assert (found.num_genuine_pairs, found.num_impostor_pairs) == (1, 2)
    assert found.accuracy is None
    assert report.faces == "landmarks that come with the set"


def test_a_candidate_without_thresholds_will_do(bundle: Bundle, lfw: Path, tmp_path: Path) -> None:
    folder = tmp_path / "candidate"
    shutil.copytree(bundle.folder, folder)
    fields = {
        name: getattr(bundle.release, name)
        for name in ReleaseDraft.model_fields
        if name not in {"operating_points", "default_operating_point", "gate", "evaluation_sha256"}
    }
    seal(folder, ReleaseDraft(**fields))
    report = evaluate_public(folder, PublicOptions("lfw", lfw), None, ROOT)
    assert report.sets["lfw"].accuracy is not None


def test_command_prints_a_table_and_writes_json(bundle: Bundle, lfw: Path, tmp_path: Path) -> None:
    arguments = ["--bundle", str(bundle.folder), "--protocol", "lfw", "--data", str(lfw)]
    arguments += ["--output", str(tmp_path), "--faces", "given"]
    answer = CliRunner().invoke(app, ["evaluate", *arguments])
    assert answer.exit_code == 0, answer.output
    assert "accuracy %" in answer.output
    assert "TAR at FMR, lfw" in answer.output
    assert (tmp_path / "lfw.json").is_file()


def test_what_is_missing_or_wrong_is_named(
    bundle: Bundle, lfw: Path, photos: list[Photo], tmp_path: Path
) -> None:
    def run(protocol: str, place: Path | None, faces: str = "published") -> None:
        options = PublicOptions(protocol, place, faces=faces)  # type: ignore[arg-type]  # the point
        evaluate_public(bundle.folder, options, None, ROOT)

    with pytest.raises(SourceError, match="no such set"):
        run("lfw", tmp_path / "nowhere")
    with pytest.raises(StageError, match="no protocol 'megaface'"):
        run("megaface", tmp_path)
    with pytest.raises(StageError, match="needs --data"):
        run("bin", None)
    with pytest.raises(StageError, match=r"holds no \.bin"):
        run("bin", tmp_path)
    one = _bin(tmp_path / "lfw.bin", photos)
    with pytest.raises(StageError, match="compares groups"):
        run("rfw", tmp_path)
    one.write_bytes(one.read_bytes()[:-50])
    with pytest.raises(SourceError, match=r"lfw\.bin"):
        run("bin", one)
    with pytest.raises(BundleMissingError):
        evaluate_public(tmp_path / "none", PublicOptions("lfw", lfw), None, ROOT)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda folder: (folder / "images/Ada/Ada_0002.jpg").unlink(), "1 of 6 photos"),
        (lambda folder: (folder / "pairs.txt").unlink(), "cannot be read"),
        (
            lambda folder: (folder / "pairs.txt").write_text(
                "2\t1\nAda\t1\t2\nAda\t1\tBen\t1\nAda\t1\t2\nAda\t1\tBen\t1\n"
            ),
            "2 folds",
        ),
        (
            lambda folder: (folder / "meta.csv").write_text(
                "path,identity,gender,xle,yle,xre,yre,xno,yno,xlm,ylm,xrm,yrm\n"
            ),
            "no landmarks of 6",
        ),
    ],
)
def test_a_broken_lfw_is_named(lfw: Path, tmp_path: Path, change: object, named: str) -> None:
    shutil.copytree(lfw, tmp_path / "lfw")
    assert callable(change)
    change(tmp_path / "lfw")
    with pytest.raises(SourceError, match=named):
        lfw_set(tmp_path / "lfw", given_landmarks=True)


def test_published_figures_belong_to_the_weights(bundle: Bundle, lfw: Path, tmp_path: Path) -> None:
    figure = next(one for one in read_published_figures() if not one.mirrored)
    folder = tmp_path / "wrapped"
    shutil.copytree(bundle.folder, folder)
    fields = {name: getattr(bundle.release, name) for name in ReleaseDraft.model_fields}
    source = f"somewhere, file sha256 {figure.weights_sha256}"
    seal(folder, ReleaseDraft(**{**fields, "source": source}))
    report = evaluate_public(folder, PublicOptions("lfw", lfw, faces="given"), None, ROOT)
    (comparison,) = report.published
    assert comparison.figure == figure
    assert any(figure.percent in line for line in table_lines(report))
    plain = evaluate_public(bundle.folder, PublicOptions("lfw", lfw, faces="given"), None, ROOT)
    assert plain.published == ()


@pytest.mark.slow
@pytest.mark.real_faces
def test_a_pretrained_model_on_lfw_is_as_good_as_published(tmp_path: Path) -> None:
    """Within one standard error of the published figure; see docs/evidence for all of them."""
    name = "mobilefacenet_foamliu"
    try:
        folder = data_dir(ROOT) / "lfw"
        if locate(ROOT, find(name)) is None or not folder.is_dir():
            pytest.skip("no LFW or no weights; set EXAMGATE_DATA_DIR and EXAMGATE_WEIGHTS_DIR")
    except (SourceError, WeightsError):
        pytest.skip("no LFW or no weights; set EXAMGATE_DATA_DIR and EXAMGATE_WEIGHTS_DIR")
    wrap(ROOT, name, tmp_path / "wrapped", load_params(ROOT / "params.yaml"))
    options = PublicOptions("lfw", folder, faces="given")
    report = evaluate_public(tmp_path / "wrapped", options, None, ROOT)
    (comparison,) = report.published
    accuracy = report.sets["lfw"].accuracy
    assert accuracy is not None
    assert abs(comparison.ours - comparison.figure.value) <= accuracy.standard_error
