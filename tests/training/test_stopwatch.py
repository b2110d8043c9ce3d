"""Seconds by part, on the clock and on events that are passed late."""

from dataclasses import dataclass, field
from typing import Self

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.stopwatch import REST, HostEvent, Stopwatch, stopwatch


@dataclass
class Device:
    """Gets work with a duration, and does it only when asked to."""

    queued_ms: float = 0.0
    done_ms: float = 0.0
    num_waits: int = 0
    num_events: int = 0

    def work(self, duration_ms: float) -> None:
        self.queued_ms += duration_ms


@dataclass
class DeviceEvent:
    """What a CUDA event is, on that device."""

    device: Device
    at_ms: float = field(default=-1.0)

    def record(self) -> None:
        self.at_ms = self.device.queued_ms

    def query(self) -> bool:
        return self.at_ms <= self.device.done_ms

    def synchronize(self) -> None:
        self.device.num_waits += not self.query()
        self.device.done_ms = max(self.device.done_ms, self.at_ms)

    def elapsed_time(self, end_event: Self) -> float:
        assert self.query()
        assert end_event.query()
        return end_event.at_ms - self.at_ms


def _watch(device: Device) -> Stopwatch:
    def make() -> DeviceEvent:
        device.num_events += 1
        return DeviceEvent(device)

    return Stopwatch(make)


def _step(watch: Stopwatch, device: Device) -> None:
    with watch.part("data"):
        device.work(1)
    with watch.part("forward"):
        device.work(10)
        with watch.part("head"):
            device.work(3)
        device.work(2)
    device.work(0.5)
    with watch.part("optimiser"):
        device.work(4)


def test_device_is_waited_for_only_when_totals_are_asked() -> None:
    device = Device()
    watch = _watch(device)
    for _ in range(3):
        _step(watch, device)
    assert (device.num_waits, device.done_ms) == (0, 0)
    totals = watch.totals()
    assert device.num_waits == 1
    expected = {"data": 3, "forward": 36, "head": 9, "optimiser": 12, REST: 1.5}
    assert {name: 1000 * seconds for name, seconds in totals.items()} == pytest.approx(expected)


def test_totals_go_on_and_parts_sum_to_the_whole() -> None:
    device = Device()
    watch = _watch(device)
    _step(watch, device)
    watch.totals()
    device.work(5)
    _step(watch, device)
    totals = watch.totals()
    assert 1000 * totals[REST] == pytest.approx(0.5 + 5 + 0.5)
    assert 1000 * sum(totals.values()) == pytest.approx(device.queued_ms)


def test_long_runs_reuse_events_and_never_wait() -> None:
    device = Device()
    watch = _watch(device)
    for _ in range(5000):
        _step(watch, device)
        device.done_ms = max(0.0, device.queued_ms - 100)
    assert device.num_waits == 0
    assert device.num_events < 600
    assert 1000 * watch.totals()["forward"] == pytest.approx(5000 * 12)


def test_part_ends_where_its_body_fails() -> None:
    device = Device()
    watch = _watch(device)
    with pytest.raises(ValueError, match="no"), watch.part("forward"):
        raise ValueError("no")
    device.work(7)
    with watch.part("data"):
        pass
    assert 1000 * watch.totals()[REST] == pytest.approx(7)


def test_watch_without_marks_has_no_totals() -> None:
    assert stopwatch(torch.device("cpu")).totals() == {}


@given(st.lists(st.sampled_from(["data", "forward", "head"]), min_size=1, max_size=8))
def test_parts_on_the_clock_are_in_order_of_time(names: list[str]) -> None:
    first = HostEvent()
    first.record()
    watch = stopwatch(torch.device("cpu"))
    for name in names:
        with watch.part(name):  # type: ignore[arg-type]
            sum(range(100))
    totals = watch.totals()
    last = HostEvent()
    last.record()
    assert set(names) <= set(totals)
    assert all(seconds >= 0 for seconds in totals.values())
    assert sum(totals.values()) <= first.elapsed_time(last) / 1000
