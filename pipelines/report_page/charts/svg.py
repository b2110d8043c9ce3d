"""Elements of SVG. Every text and attribute is escaped."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

Point = tuple[float, float]


def element(name: str, content: str | Markup = "", **attributes: str | float) -> Markup:
    """One element; `class_` is `class`, and underscores in names of attributes become hyphens."""
    head = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _value(value))
        for key, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), head, content)  # noqa: S704 - a literal


def drawing(width: float, height: float, alternative: str, parts: Iterable[Markup]) -> Markup:
    """A whole picture with a text for those who do not see it."""
    title = element("title", alternative)
    return element(
        "svg",
        title + Markup("").join(parts),
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=alternative,
    )


def text(at: Point, content: str, class_: str = "", anchor: str = "start") -> Markup:
    """A line of text."""
    return element("text", content, x=at[0], y=at[1], class_=class_, text_anchor=anchor)


def line(start: Point, end: Point, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=class_)


def rect(at: Point, size: Point, class_: str) -> Markup:
    """A rectangle."""
    width, height = max(0.0, size[0]), max(0.0, size[1])
    return element("rect", x=at[0], y=at[1], width=width, height=height, class_=class_)


def circle(at: Point, radius: float, class_: str) -> Markup:
    """A circle."""
    return element("circle", cx=at[0], cy=at[1], r=radius, class_=class_)


def path(points: Sequence[Point], class_: str, closed: bool = False) -> Markup:
    """A line through points, or the area between them."""
    steps = " ".join(
        f"{'L' if n else 'M'}{_value(x)} {_value(y)}" for n, (x, y) in enumerate(points)
    )
    return element("path", d=f"{steps}{' Z' if closed else ''}", class_=class_)


def stepped(points: Sequence[Point]) -> list[Point]:
    """The same points with a level step to each next one."""
    found: list[Point] = []
    for x, y in points:
        if found:
            found.append((x, found[-1][1]))
        found.append((x, y))
    return found


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
