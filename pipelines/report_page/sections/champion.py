"""The candidate beside the model in force, on the very same comparisons."""

from typing import Final

from evaluation.champion.comparison import ChampionComparison, RatesCompared
from evaluation.champion.difference import Difference
from evaluation.report import EvaluationReport
from pipelines.report_page.blocks import (
    Block,
    Cell,
    Facts,
    Gallery,
    Head,
    Note,
    Pair,
    Row,
    Section,
    Table,
)
from pipelines.report_page.charts.bars import Span, axis_bar, interval_bar, shared_scale
from pipelines.report_page.charts.scales import Scale
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.names import say_family, say_slice
from pipelines.report_page.numbers import (
    DASH,
    cosine,
    count,
    interval,
    percent,
    round_percent,
)
from pipelines.report_page.sections.gallery import pair_of

_MAX_FLIPS: Final = 8
"""Of each kind, as pictures."""
_KINDS: Final = {
    "candidate_false_match": ("New false matches", "candidate", "false_match"),
    "candidate_false_non_match": ("New false non-matches", "candidate", "false_non_match"),
    "champion_false_match": ("False matches that are gone", "champion", "false_match"),
    "champion_false_non_match": ("False non-matches that are gone", "champion", "false_non_match"),
}


def champion(inputs: Inputs) -> Section:
    """Differences with their intervals, slice by slice, and the pictures that flipped."""
    lead = (
        "Candidate less champion on identical comparisons, each at the threshold that the same"
        " calibration split gives it for the same FMR; right of 0 the candidate is worse. People"
        " were drawn anew and thresholds chosen anew for the intervals."
    )
    found = inputs.report.champion
    if found is None:
        missing = "No champion was named (evaluate.champion), so nothing was compared."
        return Section("champion", "Against the champion", lead, missing=missing)
    point = inputs.report.default_operating_point
    blocks: list[Block] = [_which(found)]
    if found.identical:
        blocks.append(Note("Every score is the same to the bit: it is the champion itself."))
    if point in found.points:
        blocks.append(_differences(found, point, inputs.report))
    return Section("champion", "Against the champion", lead, [*blocks, *_flips(inputs, found)])


def _which(found: ChampionComparison) -> Facts:
    pin = found.champion
    pairs = [("champion", Cell(f"{pin.name} {pin.version or ''}".strip()))]
    pairs += [("its bundle", Cell(pin.digest, code=True))]
    flips = ", ".join(
        f"{_KINDS[kind][0].lower()}: {count(num)}" for kind, num in found.flips.items()
    )
    pairs += [(f"decisions that flipped at {found.flip_point}", Cell(flips or "none"))]
    return Facts("Compared with", pairs)


def _differences(found: ChampionComparison, name: str, report: EvaluationReport) -> Table:
    point = found.points[name]
    parts = {"all": point.overall, **point.slices}
    misses = _scale([p.fnmr for p in parts.values()])
    matches = _scale([p.fmr for p in parts.values()])
    heads = (
        Head("Slice"),
        Head("FNMR", drawing=axis_bar(misses, "scale of the difference of FNMR")),
        Head("difference", number=True),
        Head("worse / better", number=True),
        Head("FMR", drawing=axis_bar(matches, "scale of the difference of FMR")),
        Head("difference", number=True),
        Head("worse / better", number=True),
    )
    small = [part for part, one in parts.items() if _says_nothing(one)]
    rows = [
        Row([Cell(_said(part, report)), *_cells(one.fnmr, misses), *_cells(one.fmr, matches)])
        for part, one in parts.items()
        if part not in small
    ]
    if small:
        names = "; ".join(_said(part, report) for part in small)
        rows.append(Row([Cell(f"{len(small)} more", note=names), *_cells(None, misses) * 2]))
    caption = (
        f"Differences at {name}; thresholds {cosine(point.candidate_threshold)} and"
        f" {cosine(point.champion_threshold)}, intervals of {round_percent(found.confidence)}"
    )
    return Table(caption, heads, rows, look="forest")


def _says_nothing(one: RatesCompared) -> bool:
    return all(found is None or found.too_few for found in (one.fnmr, one.fmr))


def _said(part: str, report: EvaluationReport) -> str:
    """A slice in words, its family before it: `gender: feminine`."""
    family = report.slices[part].family if part in report.slices else None
    name = say_slice(part, family)
    return name if family is None else f"{say_family(family)}: {name}"


def _scale(found: list[Difference | None]) -> Scale:
    return shared_scale([_span(one) for one in found if one is not None and not one.too_few])


def _cells(found: Difference | None, scale: Scale) -> list[Cell]:
    if found is None or found.too_few:
        few = Cell("too few", "muted", badge=True)
        return [few, Cell("not shown", "muted", number=True), Cell(DASH, "muted", number=True)]
    tone = "fail" if found.low > 0 else "pass" if found.high < 0 else ""
    told = f"{percent(found.value)} ({interval(found.low, found.high)})"
    return [
        Cell(told, drawing=interval_bar(_span(found), scale, tone, 0.0, told)),
        Cell(percent(found.value), number=True, note=interval(found.low, found.high)),
        Cell(f"{count(found.num_worse)} / {count(found.num_better)}", "muted", number=True),
    ]


def _span(found: Difference) -> Span:
    return Span(found.value, found.low, found.high)


def _flips(inputs: Inputs, found: ChampionComparison) -> list[Block]:
    rows = inputs.flips
    if rows is None or rows.empty:
        return []
    blocks: list[Block] = []
    for kind, (title, wrong, error) in _KINDS.items():
        shown = rows[(rows["wrong"] == wrong) & (rows["kind"] == error)].head(_MAX_FLIPS)
        pairs: list[Pair] = [
            pair_of(row, inputs.album, [f"champion {cosine(float(row['champion_score']))}"])
            for _, row in shown.iterrows()
        ]
        if pairs:
            blocks.append(
                Gallery(f"{title}: {len(pairs)} of {count(found.flips.get(kind))}", pairs)
            )
    return blocks
