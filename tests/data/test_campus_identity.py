"""Students and captures: stable by seed, spread as configured, siblings alike."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.sources.campus.capture import Capture, sample_capture
from data.sources.campus.config import CampusConfig
from data.sources.campus.identity import SHAPE_NAMES, family_of, sample_identity
from data.sources.campus.streams import family_stream, photo_stream, subject_stream


@given(st.integers(0, 2**40), st.integers(0, 500))
def test_a_student_does_not_depend_on_how_many_there_are(seed: int, subject: int) -> None:
    small = CampusConfig(seed=seed, num_subjects=subject + 1)
    large = CampusConfig(seed=seed, num_subjects=100_000)
    one, other = sample_identity(small, subject), sample_identity(large, subject)
    assert one.shape == other.shape
    assert one.colouring == other.colouring
    assert one.texture_seed == other.texture_seed


@given(st.integers(0, 10**6))
def test_streams_of_different_things_differ(seed: int) -> None:
    draws = [
        stream.integers(2**60)
        for stream in (
            family_stream(seed, 0),
            subject_stream(seed, 0),
            photo_stream(seed, 0, 0),
            photo_stream(seed, 0, 1),
            photo_stream(seed, 1, 0),
        )
    ]
    assert len(set(draws)) == len(draws)


def test_siblings_share_a_family_and_are_closer_than_strangers() -> None:
    config = CampusConfig(num_subjects=400, sibling_share=0.5)
    people = [sample_identity(config, k) for k in range(config.num_subjects)]
    families = Counter(p.family for p in people)
    assert set(families.values()) == {1, 2}
    assert all((families[p.family] == 2) == p.has_sibling for p in people)
    assert 0.4 < np.mean([p.has_sibling for p in people]) < 0.6
    kin: list[float] = []
    strangers: list[float] = []
    for a, b in zip(people[::2], people[1::2], strict=True):
        distance = float(np.linalg.norm(a.latent - b.latent))
        (kin if a.family == b.family else strangers).append(distance)
    assert np.median(kin) < 0.85 * np.median(strangers)
    assert np.quantile(kin, 0.9) < np.quantile(strangers, 0.5)


def test_a_last_student_without_partner_has_no_sibling() -> None:
    config = CampusConfig(num_subjects=1, sibling_share=1.0)
    assert family_of(config, 0) == (0, False)
    assert family_of(CampusConfig(num_subjects=2, sibling_share=1.0), 0) == (0, True)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_extreme_sibling_shares(share: float) -> None:
    config = CampusConfig(num_subjects=10, sibling_share=share)
    assert all(sample_identity(config, k).has_sibling == bool(share) for k in range(10))


def test_population_covers_all_attributes_and_varies_in_every_measure() -> None:
    config = CampusConfig(num_subjects=400)
    people = [sample_identity(config, k) for k in range(400)]
    assert {p.colouring.monk_tone for p in people} == set(range(1, 11))
    assert {p.gender for p in people} == {"feminine", "masculine", "androgynous"}
    assert {p.age_band for p in people} == {"18_21", "22_25", "26_35", "36_plus"}
    assert all(p.facial_hair == "none" for p in people if p.gender != "masculine")
    for name in SHAPE_NAMES:
        assert len({round(p.shape[name], 6) for p in people}) > 300


def _captures(config: CampusConfig, photos: int) -> list[Capture]:
    found = []
    for subject in range(config.num_subjects):
        who = sample_identity(config, subject)
        found += [sample_capture(config, who, photo) for photo in range(photos)]
    return found


def test_captures_follow_the_configured_shares() -> None:
    config = CampusConfig(num_subjects=300)
    found = _captures(config, 12)
    later = [c for c in found if c.photo > 0]
    assert all(c.kind == "id_photo" for c in found if c.photo == 0)
    assert np.mean([c.kind == "gate" for c in later]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([c.kind == "webcam" for c in later]) == pytest.approx(0.35, abs=0.04)
    away = [c for c in found if c.kind != "id_photo"]
    assert np.mean([c.glasses for c in away]) == pytest.approx(0.25, abs=0.06)
    assert np.mean([c.mask for c in away]) == pytest.approx(0.04, abs=0.02)
    assert not any(c.mask for c in found if c.kind == "id_photo")
    for kind in ("id_photo", "webcam", "gate"):
        of_kind, wanted = [c for c in found if c.kind == kind], config.capture(kind)
        yaw = np.std([c.yaw_deg for c in of_kind])
        assert yaw == pytest.approx(wanted.yaw_sd_deg, rel=0.15)
        quality = [c.film.jpeg_quality for c in of_kind]
        assert min(quality) >= wanted.jpeg_quality[0]
        assert max(quality) <= wanted.jpeg_quality[1]
        assert len(set(quality)) > 5


def test_only_owners_wear_glasses() -> None:
    config = CampusConfig(num_subjects=60)
    for subject in range(60):
        who = sample_identity(config, subject)
        worn = [sample_capture(config, who, photo).glasses for photo in range(12)]
        assert who.owns_glasses or not any(worn)


@given(st.integers(0, 200), st.integers(0, 50))
def test_captures_stay_within_their_limits(subject: int, photo: int) -> None:
    config = CampusConfig(num_subjects=201)
    capture = sample_capture(config, sample_identity(config, subject), photo)
    limits = config.capture(capture.kind)
    assert abs(capture.yaw_deg) <= 40
    assert abs(capture.pitch_deg) <= 22
    assert limits.eye_distance_px[0] <= capture.eye_distance_px <= limits.eye_distance_px[1]
    assert np.linalg.norm(capture.light.direction) == pytest.approx(1.0)
