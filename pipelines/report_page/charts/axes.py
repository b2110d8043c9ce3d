"""The frame around a curve: grid, ticks, names of the axes, legend."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from pipelines.report_page.charts import svg
from pipelines.report_page.charts.scales import Kind, Scale

WIDTH: Final = 440
HEIGHT: Final = 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 34, 46


@dataclass(frozen=True, slots=True)
class Axis:
    """Values, name, and how a value is written."""

    kind: Kind
    low: float
    high: float
    name: str
    write: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Frame:
    """A pair of axes on a drawing of WIDTH x HEIGHT."""

    across: Axis
    up: Axis

    @property
    def x(self) -> Scale:
        """Places from left to right."""
        return Scale(self.across.kind, self.across.low, self.across.high, _LEFT, WIDTH - _RIGHT)

    @property
    def y(self) -> Scale:
        """Places from the bottom up."""
        return Scale(self.up.kind, self.up.low, self.up.high, HEIGHT - _BOTTOM, _TOP)

    def points(self, xs: Sequence[float], ys: Sequence[float]) -> list[svg.Point]:
        """Where values lie."""
        across, up = self.x, self.y
        return [(across.place(x), up.place(y)) for x, y in zip(xs, ys, strict=True)]

    def parts(self) -> Iterator[Markup]:
        """Grid, ticks and names."""
        across, up = self.x, self.y
        for value in up.ticks(apart=16):
            place = up.place(value)
            yield svg.line((_LEFT, place), (WIDTH - _RIGHT, place), "grid")
            yield svg.text((_LEFT - 6, place + 4), self.up.write(value), "tick", "end")
        for value in across.ticks(apart=50):
            place = across.place(value)
            yield svg.line((place, _TOP), (place, HEIGHT - _BOTTOM), "grid")
            yield svg.text(
                (place, HEIGHT - _BOTTOM + 16), self.across.write(value), "tick", "middle"
            )
        yield svg.text((_LEFT, 14), self.up.name, "name")
        yield svg.text((WIDTH - _RIGHT, HEIGHT - 8), self.across.name, "name", "end")

    def upright(self, value: float, label: str, level: int = 0, class_: str = "bound") -> Markup:
        """A marked value on the axis across, its name at the top."""
        place = self.x.place(value)
        anchor = "end" if place > WIDTH * 0.62 else "start"
        beside = -4 if anchor == "end" else 4
        at = (place + beside, _TOP + 11 + 14 * level)
        return svg.line((place, _TOP), (place, HEIGHT - _BOTTOM), class_) + svg.text(
            at, label, "label", anchor
        )

    def draw(self, alternative: str, parts: Sequence[Markup]) -> Markup:
        """The whole drawing."""
        return svg.drawing(WIDTH, HEIGHT, alternative, [*self.parts(), *parts])


def legend(entries: Sequence[tuple[str, str]], right: float = WIDTH - _RIGHT) -> Markup:
    """Names of colours at the top right: (class of the swatch, text)."""
    parts: list[Markup] = []
    for class_, name in reversed(entries):
        right -= 6.1 * len(name) + 4
        parts += [svg.text((right, 14), name, "label"), svg.rect((right - 15, 6), (11, 9), class_)]
        right -= 26
    return Markup("").join(parts)
