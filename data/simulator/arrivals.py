"""When candidates come to the door: an inhomogeneous Poisson process with friends and buses.

Given how many points it has, an inhomogeneous Poisson process is as many independent draws from its
normalised intensity (the order statistics property). So each candidate draws a time out of a stream
of their own, and no arrival depends on how many others there are. Friends and buses then bind
arrivals together: the door sees bursts.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.simulator.streams import stream

Share = float
Seconds = float
DAY_S = 86_400.0


class ArrivalConfig(BaseModel):
    """How candidates come to the door."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intensity: tuple[tuple[float, float], ...] = (
        (-50, 0.0),
        (-35, 0.4),
        (-20, 1.0),
        (-8, 0.8),
        (0, 0.25),
        (15, 0.0),
    )
    """Minutes from the start of the session, and the relative intensity there; linear between."""
    friend_share: Share = Field(default=0.35, ge=0, lt=1)
    """Candidates who walk with the one before them on the roll; groups are geometric in size."""
    friend_gap_s: Seconds = Field(default=3.0, ge=0)
    """Mean distance between friends at the door (exponential)."""
    bus_share: Share = Field(default=0.3, ge=0, le=1)
    """Candidates who come by bus; their friends are on the same one."""
    bus_every_min: float = Field(default=12.0, gt=0)
    """Minutes between two buses on the timetable."""
    bus_delay_min: float = Field(default=2.0, ge=0)
    """Mean delay of a bus (exponential); all its passengers share it."""
    walk_from_stop_s: Seconds = Field(default=180.0, ge=0)
    """From the stop to the door."""
    walk_sd_s: Seconds = Field(default=25.0, ge=0)
    """How far that spreads between passengers."""

    @model_validator(mode="after")
    def _check(self) -> "ArrivalConfig":
        minutes = [minute for minute, _ in self.intensity]
        weights = [weight for _, weight in self.intensity]
        if any(after <= before for before, after in pairwise(minutes)):
            raise ValueError("intensity: the minutes must rise from knot to knot")
        if len(weights) < 2 or min(weights) < 0 or max(weights) == 0:
            raise ValueError("intensity: give two knots or more, none below 0, one above 0")
        return self


class ArrivalTimes:
    """Draws times from a piecewise linear intensity by its inverse distribution."""

    def __init__(self, config: ArrivalConfig) -> None:
        knots = np.asarray(config.intensity, dtype=np.float64)
        self._at_s, self._weight = knots[:, 0] * 60, knots[:, 1]
        areas = np.diff(self._at_s) * (self._weight[1:] + self._weight[:-1]) / 2
        self._below = np.concatenate([[0.0], np.cumsum(areas)])

    @property
    def knots_s(self) -> NDArray[np.float64]:
        """Seconds of the knots from the start of the session."""
        return self._at_s

    def distribution(self, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of arrivals up to each time, in seconds from the start of the session."""
        part = np.clip(np.searchsorted(self._at_s, at_s, "right") - 1, 0, len(self._at_s) - 2)
        since = np.clip(at_s - self._at_s[part], 0, np.diff(self._at_s)[part])
        area = since * (self._weight[part] + self._slope(part) * since / 2)
        return np.asarray((self._below[part] + area) / self._below[-1])

    def time_s(self, share: float) -> Seconds:
        """Seconds from the start of the session by which a share 0..1 of the arrivals is there."""
        wanted = share * self._below[-1]
        part = int(np.searchsorted(self._below, wanted, "right")) - 1
        part = min(max(part, 0), len(self._at_s) - 2)
        rest, weight = wanted - self._below[part], float(self._weight[part])
        slope = float(self._slope(np.array(part)))
        # The root of slope / 2 t^2 + weight t = rest, in the form that does not cancel.
        under = max(0.0, weight * weight + 2 * slope * rest)
        divisor = weight + np.sqrt(under)
        since = 2 * rest / divisor if divisor > 0 else 0.0
        # Where the intensity ends near zero, rounding alone may lead past the end.
        return float(min(self._at_s[part] + since, self._at_s[part + 1]))

    def _slope(self, part: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray((np.diff(self._weight) / np.diff(self._at_s))[part])


def arrival_times_s(
    config: ArrivalConfig, seed: int, session: str, gate: str, starts_at_s: Seconds, num: int
) -> list[Seconds]:
    """When candidates 0..num-1 of one gate come to the door, in seconds since midnight.

    The first n do not depend on `num`, nor on any other gate. Buses are the whole campus's.
    """
    times, found = ArrivalTimes(config), list[Seconds]()
    leader_s = 0.0
    for number in range(num):
        rng = stream(seed, "arrival", session, gate, number)
        joins, share, by_bus, gap, walk = (*rng.random(3), rng.exponential(), rng.standard_normal())
        if number == 0 or joins >= config.friend_share:
            leader_s = starts_at_s + times.time_s(share)
            if by_bus < config.bus_share:
                leader_s = _by_bus(config, seed, leader_s, walk)
            found.append(leader_s)
        else:
            leader_s += config.friend_gap_s * gap
            found.append(leader_s)
    return found


def _by_bus(config: ArrivalConfig, seed: int, wanted_s: Seconds, walk: float) -> Seconds:
    """When the passenger of the last bus that should be in time is at the door."""
    every_s = config.bus_every_min * 60
    bus = int((wanted_s - config.walk_from_stop_s) // every_s)
    delay_s = stream(seed, "bus", bus).exponential(config.bus_delay_min * 60)
    walk_s = max(0.3 * config.walk_from_stop_s, config.walk_from_stop_s + config.walk_sd_s * walk)
    return float(bus * every_s + delay_s + walk_s)
