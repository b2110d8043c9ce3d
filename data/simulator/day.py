"""The light of one day: the sun over the campus, and the clouds in front of it.

Sun: elevation from latitude, day of the year and solar time (Cooper's declination, 1969). Clear-sky
irradiance 910 sin(h) - 30 W/m2 and its loss to clouds, 1 - 0.75 c^3.4, are Kasten and Czeplak's
(Solar Energy 24, 1980). Daylight gives about 110 lumens a watt (CIE D65 under a real sky).
"""

import math

from pydantic import BaseModel, ConfigDict, Field

from data.simulator.streams import stream

_LUMENS_PER_WATT = 110.0


class DayConfig(BaseModel):
    """Where and when the exams are held."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latitude_deg: float = Field(default=52.0, ge=-66, le=66)
    """Of the campus, north positive."""
    day_of_year: int = Field(default=35, ge=1, le=366)
    """1 is the first of January."""
    solar_noon_hour: float = Field(default=12.3, ge=10, le=15)
    """Clock time at which the sun stands highest."""
    cloud_cover: float = Field(default=0.55, ge=0, le=1)
    """Mean cover, 0 clear to 1 overcast."""
    cloud_sd: float = Field(default=0.3, ge=0, le=1)
    """How far the cover wanders from it."""
    cloud_change_min: float = Field(default=12.0, gt=0)
    """Minutes from one sky to the next."""
    lamps_lux: float = Field(default=220.0, gt=0)
    """What the lamps at the doors give, at the face. They burn all day."""


class Day:
    """The light outside, minute by minute."""

    def __init__(self, config: DayConfig, seed: int) -> None:
        self._config = config
        self._seed = seed

    def sun_elevation_deg(self, time_s: float) -> float:
        """Angle of the sun over the horizon, below it negative; `time_s` counts from midnight."""
        tilt = math.radians(23.45 * math.sin(2 * math.pi * (284 + self._config.day_of_year) / 365))
        place = math.radians(self._config.latitude_deg)
        hour = math.radians(15 * (time_s / 3600 - self._config.solar_noon_hour))
        height = math.sin(place) * math.sin(tilt) + math.cos(place) * math.cos(tilt) * math.cos(
            hour
        )
        return math.degrees(math.asin(height))

    def cloud_cover(self, time_s: float) -> float:
        """Share of the sky that is covered; moves smoothly from one sky to the next."""
        sky, rest = divmod(time_s / (60 * self._config.cloud_change_min), 1.0)
        weight = (1 - math.cos(math.pi * rest)) / 2
        return (1 - weight) * self._sky(int(sky)) + weight * self._sky(int(sky) + 1)

    def outdoor_lux(self, time_s: float) -> float:
        """Illuminance on the ground outside; a little twilight is left when the sun is down."""
        height = math.sin(math.radians(self.sun_elevation_deg(time_s)))
        clear = max(5.0, 910 * height - 30)
        return _LUMENS_PER_WATT * clear * (1 - 0.75 * math.pow(self.cloud_cover(time_s), 3.4))

    def _sky(self, number: int) -> float:
        drawn = stream(self._seed, "sky", number).normal(
            self._config.cloud_cover, self._config.cloud_sd
        )
        return float(min(1.0, max(0.0, drawn)))
