"""The campus config takes what makes sense and refuses the rest in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.sources.campus.config import (
    CampusConfig,
    CampusConfigError,
    gate_defaults,
    id_photo_defaults,
    parse_campus_config,
    webcam_defaults,
)


def test_defaults_are_valid_and_get_worse_towards_the_gate() -> None:
    config = CampusConfig()
    assert config.num_photos == config.num_subjects * config.photos_per_subject
    kinds = [config.capture(kind) for kind in ("id_photo", "webcam", "gate")]
    for name in ("yaw_sd_deg", "exposure_sd_ev", "motion_share", "dim_share"):
        values = [getattr(kind, name) for kind in kinds]
        assert values == sorted(values)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"num_students": 3}, "num_students"),
        ({"num_subjects": 0}, "num_subjects"),
        ({"photos_per_subject": 0}, "photos_per_subject"),
        ({"seed": -1}, "seed"),
        ({"sibling_share": 1.5}, "sibling_share"),
        ({"webcam_share": 0.7, "gate_share": 0.7}, "webcam_share"),
        ({"glasses_wearer_share": 0.05}, "glasses_wearer_share"),
        ({"gate": {**gate_defaults().model_dump(), "jpeg_quality": (90, 20)}}, "jpeg_quality"),
        ({"gate": {**gate_defaults().model_dump(), "eye_distance_px": (60, 300)}}, "eye_distance"),
        ({"gate": {**gate_defaults().model_dump(), "noise_sd": (5, 1)}}, "noise_sd"),
        ({"gate": {**gate_defaults().model_dump(), "dim_share": 0.9}}, "dim_share"),
        ({"webcam": {**webcam_defaults().model_dump(), "camera_distance_cm": (5, 9)}}, "camera"),
        ({"id_photo": {**id_photo_defaults().model_dump(), "flash": True}}, "flash"),
    ],
)
def test_nonsense_is_refused_by_name(values: dict[str, object], word: str) -> None:
    with pytest.raises(CampusConfigError, match=word) as caught:
        parse_campus_config(values)
    assert isinstance(caught.value, DataError)


def test_plain_values_make_the_same_config() -> None:
    config = CampusConfig(num_subjects=7, seed=3)
    assert parse_campus_config(config.model_dump(mode="json")) == config


@given(st.floats(0, 1), st.floats(0, 1))
def test_kinds_are_accepted_exactly_where_shares_add_up(webcam: float, gate: float) -> None:
    values = {"webcam_share": webcam, "gate_share": gate}
    if webcam + gate > 1:
        with pytest.raises(CampusConfigError):
            parse_campus_config(values)
    else:
        assert parse_campus_config(values).gate_share == gate
