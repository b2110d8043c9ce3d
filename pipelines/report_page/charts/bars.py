"""A rate with its interval as a small bar, to be set in a row of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from pipelines.report_page.charts import svg
from pipelines.report_page.charts.scales import Kind, Scale
from pipelines.report_page.numbers import round_percent

WIDTH: Final = 220
_HEIGHT: Final = 20
_MARGIN: Final = 8


@dataclass(frozen=True, slots=True)
class Span:
    """A value with its interval."""

    value: float
    low: float | None
    high: float | None


def shared_scale(spans: Sequence[Span], *more: float, kind: Kind = "linear") -> Scale:
    """One scale on which all of them fit, and `more` values too."""
    every = [v for s in spans for v in (s.value, s.low, s.high) if v is not None] + list(more)
    if kind == "log":
        positive = [value for value in every if value > 0] or [1e-4, 1e-1]
        lowest = max(min(positive), min([s.value for s in spans if s.value > 0] or positive) / 10)
        return _scale("log", _power_below(lowest), min(1.0, max(positive) * 1.3))
    low, high = min([0.0, *every]), max(every, default=1.0)
    return _scale("linear", low, high * 1.04 if high > low else low + 1.0)


def wide_scale(spans: Sequence[Span], *more: float) -> Scale:
    """A linear scale that need not begin at 0: for values that are all close to 1."""
    every = [v for s in spans for v in (s.value, s.low, s.high) if v is not None] + list(more)
    low, high = min(every), max(every)
    margin = 0.25 * (high - low) or 0.1 * max(abs(high), 1e-3)
    return _scale("linear", low - margin, high + margin)


def interval_bar(
    span: Span, scale: Scale, tone: str = "", bound: float | None = None, alternative: str = ""
) -> Markup:
    """Draw the interval as a line, the value as a dot and a bound as an upright line."""
    middle = _HEIGHT / 2
    parts = [svg.line((scale.start, middle), (scale.end, middle), "rail")]
    if span.low is not None and span.high is not None:
        start, end = scale.place(span.low), scale.place(span.high)
        parts.append(svg.rect((start, middle - 2.5), (max(1.5, end - start), 5), f"span {tone}"))
    if bound is not None:
        place = scale.place(bound)
        parts.append(svg.line((place, 1), (place, _HEIGHT - 1), "bound"))
    parts.append(svg.circle((scale.place(span.value), middle), 4.2, f"dot {tone}"))
    return svg.drawing(WIDTH, _HEIGHT, alternative, parts)


def axis_bar(scale: Scale, alternative: str) -> Markup:
    """The scale of a column of bars."""
    parts = []
    for value in scale.ticks(apart=48):
        place = scale.place(value)
        anchor = "start" if place < 20 else "end" if place > WIDTH - 20 else "middle"
        parts += [svg.line((place, 14), (place, 20), "axis")]
        parts += [svg.text((place, 10), round_percent(value), "tick", anchor)]
    return svg.drawing(WIDTH, _HEIGHT, alternative, parts)


def _scale(kind: Kind, low: float, high: float) -> Scale:
    return Scale(kind, low, high, _MARGIN, WIDTH - _MARGIN)


def _power_below(value: float) -> float:
    """The next power of ten at or below a value, or half of one."""
    power = 10.0 ** int(f"{value:e}".partition("e")[2])
    return power if value / power > 1.5 else power / 2
