"""The sun, the clouds, and what a camera makes of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.simulator.camera import CameraConfig, expose, motion_px
from data.simulator.day import Day, DayConfig

CAMERA = CameraConfig()
LUX = st.floats(0.5, 100_000)


def _noon(day_of_year: int, latitude_deg: float = 52.0) -> float:
    config = DayConfig(day_of_year=day_of_year, latitude_deg=latitude_deg)
    return Day(config, 0).sun_elevation_deg(3600 * config.solar_noon_hour)


@pytest.mark.parametrize(
    ("day_of_year", "latitude_deg", "elevation_deg"),
    [
        (81, 52.0, 38.0),  # an equinox: 90 less the latitude
        (172, 52.0, 38.0 + 23.45),
        (355, 52.0, 38.0 - 23.45),
        (81, 0.0, 90.0),
    ],
)
def test_the_sun_at_noon_is_where_almanacs_have_it(
    day_of_year: int, latitude_deg: float, elevation_deg: float
) -> None:
    assert _noon(day_of_year, latitude_deg) == pytest.approx(elevation_deg, abs=0.2)


def test_the_night_is_dark_and_noon_is_the_brightest() -> None:
    day = Day(DayConfig(cloud_cover=0, cloud_sd=0), 3)
    hours = [day.outdoor_lux(3600 * hour) for hour in range(24)]
    assert hours.index(max(hours)) == 12
    assert hours[0] < 0.05 * hours[12]
    assert 10_000 < hours[12] < 120_000


def test_an_overcast_sky_leaves_a_quarter_of_the_light() -> None:
    clear, grey = (
        Day(DayConfig(cloud_cover=cover, cloud_sd=0), 0).outdoor_lux(12 * 3600.0)
        for cover in (0, 1)
    )
    assert grey == pytest.approx(0.25 * clear)


@given(time_s=st.floats(0, 86_000), seed=st.integers(0, 1000))
def test_clouds_move_smoothly_and_are_the_days_own(time_s: float, seed: int) -> None:
    day, again = Day(DayConfig(), seed), Day(DayConfig(), seed)
    assert 0 <= day.cloud_cover(time_s) <= 1
    assert day.cloud_cover(time_s) == again.cloud_cover(time_s)
    assert day.cloud_cover(time_s + 1) == pytest.approx(day.cloud_cover(time_s), abs=0.01)


@given(face=LUX, background=LUX)
def test_an_exposure_stays_within_the_camera(face: float, background: float) -> None:
    found = expose(CAMERA, face, background)
    assert 0 < found.time_s <= CAMERA.max_exposure_s
    assert 1 <= found.gain <= CAMERA.max_gain
    assert found.under_ev <= 0 <= found.backlight_ev + 1e-9
    assert found.noise_sd >= CAMERA.noise_sd


def test_a_bright_door_darkens_the_face_and_shortens_the_exposure() -> None:
    hall, door = expose(CAMERA, 250, 250), expose(CAMERA, 250, 8000)
    assert hall.backlight_ev == pytest.approx(0, abs=1e-9)
    assert door.backlight_ev == pytest.approx((1 - CAMERA.face_weight) * 5)
    assert door.time_s < hall.time_s


def test_the_dark_brings_noise_first_and_darkness_then() -> None:
    evening, night = expose(CAMERA, 60, 60), expose(CAMERA, 1, 1)
    assert evening.under_ev == 0
    assert evening.noise_sd > CAMERA.noise_sd
    assert night.under_ev < -1


@given(speed=st.floats(1, 200), distance=st.floats(60, 200))
def test_who_walks_twice_as_fast_is_blurred_twice_as_much(speed: float, distance: float) -> None:
    once, twice = (motion_px(CAMERA, v, 0.02, distance) for v in (speed, 2 * speed))
    assert twice == pytest.approx(2 * once)
    assert motion_px(CAMERA, speed, 0.02, distance / 2) == pytest.approx(2 * once)
