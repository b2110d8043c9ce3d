"""What a section is made of; the templates know how each looks.

Texts are plain and escaped by the template; `Markup` comes from `charts` alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from markupsafe import Markup

Tone = Literal["", "pass", "fail", "inconclusive", "muted"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str = ""
    tone: Tone = ""
    number: bool = False
    """Set flush right, in figures of one width."""
    badge: bool = False
    note: str = ""
    """Further lines, smaller."""
    drawing: Markup | None = None
    """Instead of the text; the text is then what a screen reader says."""
    code: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """Head of a column."""

    text: str
    number: bool = False
    drawing: Markup | None = None
    """An axis, under the text."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row; its first cell is its head."""

    cells: Sequence[Cell]
    group: str = ""
    """Where this differs from the row above, it is set as a line of its own."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table, read row by row."""

    caption: str
    heads: Sequence[Head]
    rows: Sequence[Row]
    look: Literal["stack", "forest"] = "stack"
    """How it becomes narrow: a line for each cell, or bars and figures side by side."""
    kind: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its caption."""

    title: str
    drawing: Markup
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Charts:
    """Drawings side by side, one below the other where there is no room."""

    charts: Sequence[Chart]
    kind: Literal["charts"] = "charts"


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph."""

    text: str
    tone: Tone = ""
    kind: Literal["note"] = "note"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values."""

    caption: str
    pairs: Sequence[tuple[str, Cell]]
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True, slots=True)
class Picture:
    """One crop; without a source there was none to show."""

    source: str
    alternative: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photos that were compared."""

    left: Picture
    right: Picture
    score: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pairs of pictures, worst first."""

    title: str
    pairs: Sequence[Pair]
    kind: Literal["gallery"] = "gallery"


@dataclass(frozen=True, slots=True)
class RuleItem:
    """One rule of the policy with what became of it."""

    verdict: Tone
    word: str
    title: str
    reason: str
    facts: str
    drawing: Markup | None


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules, those that decide first."""

    items: Sequence[RuleItem]
    kind: Literal["rules"] = "rules"


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One cell of a heat map."""

    text: str
    told: str = ""
    """All of it, where there is room."""
    level: int | None = None
    """0 (least) to 5; None where nothing is known."""


@dataclass(frozen=True, slots=True)
class Heat:
    """A square table in which colour repeats what the numbers say."""

    caption: str
    names: Sequence[str]
    rows: Sequence[tuple[str, Sequence[HeatCell]]]
    kind: Literal["heat"] = "heat"


Block = Heat | Table | Charts | Note | Facts | Gallery | Rules


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page."""

    anchor: str
    title: str
    lead: str
    """What it shows and how to read it, in a sentence or two."""
    blocks: Sequence[Block] = ()
    missing: str = ""
    """Why there is nothing to show; the page then shows this line alone."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in large type below the verdict."""

    label: str
    value: str
    detail: str


@dataclass(frozen=True, slots=True)
class Headline:
    """The top of the page."""

    verdict: Tone
    word: str
    sentence: str
    model: str
    subtitle: str
    figures: Sequence[Figure] = field(default=())
