"""Photos of the gate: the same bytes for the same conditions, and worse where they should be."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from data.detection.mtcnn import Mtcnn
from data.errors import SourceError
from data.face import RgbU8
from data.images import decode_image
from data.manifest import LANDMARK_COLUMNS
from data.simulator import Attempt, CampusWorld, SimulatorConfig, plan_morning
from data.simulator.conditions import Conditions
from data.simulator.photo_world import PhotoWorld
from data.simulator.photos import PhotoStore
from data.simulator.world import World
from data.sources.campus import CampusConfig, render_photo
from data.sources.campus.identity import sample_identity

CAMPUS = CampusConfig(seed=4, num_subjects=400, photos_per_subject=2, sibling_share=0.5)
FLAGS = {"glasses": False, "mask": False, "scarf": False, "cap": False, "hand": False}


@pytest.fixture(scope="module")
def campus() -> CampusWorld:
    return CampusWorld(CAMPUS)


@pytest.fixture(scope="module")
def good() -> Conditions:
    """Somebody who stands still before an even background, looks up, and wears nothing."""
    gate = SimulatorConfig().with_candidates(1)
    first = plan_morning(gate, CampusWorld(CAMPUS)).candidates[0].conditions[0]
    stance = replace(first.stance, **FLAGS, walking=False, distance_cm=110.0)
    return replace(
        first,
        stance=stance,
        yaw_deg=0.0,
        pitch_deg=0.0,
        roll_deg=0.0,
        eye_distance_px=70.0,
        exposure_ev=0.0,
        backlight_ev=0.0,
        noise_sd=1.0,
        defocus_px=0.6,
        motion_px=0.0,
    )


def _worn(good: Conditions, name: str) -> Conditions:
    return replace(good, stance=replace(good.stance, **{name: True}))


def _picture(world: World, person: str, conditions: Conditions) -> RgbU8:
    return decode_image(world.probe(person, conditions))


def _sharpness(image_rgb_u8: RgbU8) -> float:
    grey = cv2.cvtColor(image_rgb_u8, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


def _middle(image_rgb_u8: RgbU8) -> float:
    height, width = image_rgb_u8.shape[:2]
    return float(image_rgb_u8[height // 3 : height // 2, 2 * width // 5 : 3 * width // 5].mean())


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory, mtcnn: Mtcnn) -> PhotoWorld:
    """A photo world of rendered people: the path of real photos, without real people."""
    folder, rows = tmp_path_factory.mktemp("gallery"), []
    config = CampusConfig(
        seed=9, num_subjects=4, photos_per_subject=3, gate_share=0, glasses_wearer_share=0.4
    )
    for index in range(config.num_photos):
        content, row = render_photo(config, index)
        path = folder / row["path"]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        faces = mtcnn.detect(decode_image(content))
        found = faces[0].landmarks_px.ravel().tolist() if faces else [None] * 10
        rows.append({**row, **dict(zip(LANDMARK_COLUMNS, found, strict=True))})
    return PhotoWorld(pd.DataFrame(rows), folder)


@pytest.fixture(scope="module", params=["campus", "gallery"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def person(world: World) -> str:
    return world.enrolled(np.random.default_rng(1))


def test_the_same_conditions_give_the_same_bytes(
    world: World, person: str, good: Conditions
) -> None:
    assert world.probe(person, good) == world.probe(person, good)
    assert world.reference(person) == world.reference(person)
    assert world.probe(person, good) != world.probe(person, replace(good, seed=good.seed + 1))
    assert world.probe(person, good) != world.reference(person)


@pytest.mark.parametrize("name", ["mask", "scarf", "cap", "hand"])
def test_what_is_worn_changes_a_part_of_the_picture(
    world: World, person: str, good: Conditions, name: str
) -> None:
    bare, worn = (_picture(world, person, c) for c in (good, _worn(good, name)))
    changed = np.abs(bare.astype(int) - worn).max(axis=2) > 40
    assert 0.005 < changed.mean() < 0.4


def test_motion_and_defocus_blur(world: World, person: str, good: Conditions) -> None:
    sharp = _sharpness(_picture(world, person, good))
    assert _sharpness(_picture(world, person, replace(good, motion_px=25.0))) < 0.7 * sharp
    assert _sharpness(_picture(world, person, replace(good, defocus_px=4.0))) < 0.7 * sharp


def test_too_little_light_darkens_the_picture(world: World, person: str, good: Conditions) -> None:
    lit, dark = (_picture(world, person, replace(good, exposure_ev=ev)) for ev in (0.0, -2.0))
    assert dark.mean() < 0.7 * lit.mean()
    assert _middle(dark) < 0.75 * _middle(lit)


def test_a_bright_door_darkens_the_face_against_what_is_behind(
    world: World, person: str, good: Conditions
) -> None:
    hall, door = (_picture(world, person, replace(good, backlight_ev=ev)) for ev in (0.0, 2.0))
    assert door[:20].mean() > hall[:20].mean()  # above the head
    assert _middle(door) / door[:20].mean() < 0.8 * _middle(hall) / hall[:20].mean()


def test_most_frames_of_a_default_morning_show_a_face(campus: CampusWorld, mtcnn: Mtcnn) -> None:
    morning = plan_morning(SimulatorConfig().with_candidates(12), campus)
    shown = [
        mtcnn.detect(_picture(campus, str(c.claim.presented_subject_id), c.conditions[0]))
        for c in morning.present
    ]
    assert np.mean([len(faces) == 1 for faces in shown]) > 0.6


def test_the_photo_on_file_is_the_campuss_own(campus: CampusWorld) -> None:
    assert (
        campus.reference("s000007")
        == render_photo(CAMPUS.model_copy(update={"webcam_share": 0.0, "gate_share": 1.0}), 14)[0]
    )


def test_look_alikes_are_siblings_or_alike_and_strangers_are_neither(campus: CampusWorld) -> None:
    relations, matched, unmatched = set(), list[float](), list[float]()
    for number in range(60):
        who, rng = sample_identity(CAMPUS, number), np.random.default_rng(number)
        stranger = sample_identity(CAMPUS, int(campus.stranger(f"s{number:06d}", rng)[1:]))
        assert stranger.family != who.family
        unmatched.append(float(np.linalg.norm(stranger.latent - who.latent)))
        found = campus.look_alike(f"s{number:06d}", rng)
        if found is None:
            continue
        other = sample_identity(CAMPUS, int(found.subject_id[1:]))
        relations.add(found.relation)
        if found.relation == "sibling":
            assert (other.family, other.subject) == (who.family, number ^ 1)
        else:
            assert other.gender == who.gender
            matched.append(float(np.linalg.norm(other.latent - who.latent)))
    assert np.mean(matched) < 0.9 * np.mean(unmatched)
    assert relations == {"sibling", "attributes:gender,skin_tone,geometry"}


def test_a_stored_photo_is_made_once_and_is_the_worlds(tmp_path: Path, campus: CampusWorld) -> None:
    morning = plan_morning(SimulatorConfig().with_candidates(3), campus)
    store = PhotoStore(campus, tmp_path)
    seen: list[tuple[int, int]] = []
    num = store.prepare(morning, 1, lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, num)
    assert seen[-1] == (num, num)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.photo")}
    assert len(files) == num
    first = morning.present[0]
    claim = first.claim
    assert store.reference(claim.claimed_subject_id) == campus.reference(claim.claimed_subject_id)
    probe = campus.probe(str(claim.presented_subject_id), first.conditions[1])
    assert PhotoStore(campus, tmp_path).probe(Attempt(first, 2, 0.0)) == probe
    assert PhotoStore(campus, tmp_path).prepare(morning, 2, lambda *_: None) == num
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.photo")} == files


def test_worker_processes_make_the_same_photos(tmp_path: Path, campus: CampusWorld) -> None:
    morning = plan_morning(SimulatorConfig().with_candidates(6), campus)
    for name, workers in (("one", 1), ("two", 2)):
        PhotoStore(campus, tmp_path / name).prepare(morning, workers, lambda *_: None)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.photo")}
        for name in ("one", "two")
    )
    assert one == two


def test_other_people_or_settings_are_another_world(campus: CampusWorld) -> None:
    assert campus.fingerprint == CampusWorld(CAMPUS).fingerprint
    other = CampusWorld(CAMPUS.model_copy(update={"seed": 5}))
    assert campus.fingerprint != other.fingerprint


def test_people_with_one_photo_cannot_come(gallery: PhotoWorld, tmp_path: Path) -> None:
    assert len(gallery.people) >= 2
    lonely = pd.DataFrame(
        {
            "image_id": ["a", "b"],
            "subject_id": ["ada", "bob"],
            "path": ["a.jpg", "b.jpg"],
            "capture_kind": None,
            **dict.fromkeys(LANDMARK_COLUMNS, 1.0),
        }
    )
    with pytest.raises(SourceError, match="two usable photos"):
        PhotoWorld(lonely, tmp_path)


def test_a_mined_look_alike_goes_before_one_of_the_same_attributes(
    tmp_path: Path, make_people: Callable[..., pd.DataFrame]
) -> None:
    rng = np.random.default_rng(3)
    table = make_people({"ada": "feminine", "bea": "feminine", "carl": "masculine", "dora": None})
    mined = PhotoWorld(table, tmp_path, {"ada": ["zoe", "ada", "carl"]}, "hard_test")
    found = mined.look_alike("ada", rng)
    assert found is not None
    assert (found.subject_id, found.relation) == ("carl", "mined:hard_test")
    plain = mined.look_alike("bea", rng)
    assert plain is not None
    assert (plain.subject_id, plain.relation) == ("ada", "attributes:gender")
    assert mined.look_alike("carl", rng) is None
    assert mined.look_alike("dora", rng) is None
    strangers = {mined.stranger("bea", rng) for _ in range(60)}
    assert strangers == {"ada", "carl", "dora"}


@pytest.fixture
def make_people() -> Callable[[dict[str, str | None]], pd.DataFrame]:
    def make(genders: dict[str, str | None]) -> pd.DataFrame:
        rows = [
            {
                "image_id": f"{name}{n}",
                "subject_id": name,
                "path": f"{name}{n}.jpg",
                "gender": gender,
            }
            for name, gender in genders.items()
            for n in range(2)
        ]
        table = pd.DataFrame(rows).assign(capture_kind=None)
        return table.assign(**dict.fromkeys(LANDMARK_COLUMNS, 1.0))

    return make


@pytest.mark.real_faces
def test_the_people_of_lfw_come_to_the_gate(lfw_folder: Path, mtcnn: Mtcnn) -> None:
    world = PhotoWorld(_lfw(lfw_folder, 600), lfw_folder / "images")
    assert len(world.people) > 50
    morning = plan_morning(SimulatorConfig().with_candidates(16), world)
    found = 0
    for candidate in morning.present:
        claim, frame = candidate.claim, candidate.conditions[0]
        on_file = lfw_folder / "images" / claim.claimed_subject_id
        assert any(
            world.reference(claim.claimed_subject_id) == p.read_bytes() for p in on_file.iterdir()
        )
        content = world.probe(str(claim.presented_subject_id), frame)
        assert content == world.probe(str(claim.presented_subject_id), frame)
        found += bool(mtcnn.detect(decode_image(content)))
    assert found >= len(morning.present) // 2


def _lfw(folder: Path, num: int) -> pd.DataFrame:
    """The first rows of LFW's table of landmarks as manifest columns."""
    given = pd.read_csv(folder / "meta.csv").sort_values("identity", kind="stable").head(num)
    points = ("xle", "yle", "xre", "yre", "xno", "yno", "xlm", "ylm", "xrm", "yrm")
    table = pd.DataFrame(
        {
            "image_id": [Path(path).stem for path in given["path"]],
            "subject_id": given["identity"],
            "path": [path.removeprefix("images/") for path in given["path"]],
            "capture_kind": None,
            "gender": given["gender"],
        }
    )
    return table.assign(**{c: given[p] for c, p in zip(LANDMARK_COLUMNS, points, strict=True)})
