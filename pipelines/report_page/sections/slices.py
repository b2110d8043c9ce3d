"""For whom it fails: both rates of every slice with their intervals, on one scale."""

from collections.abc import Sequence
from itertools import groupby

from markupsafe import Markup

from evaluation.groups.labels import predicted_text
from evaluation.groups.slices import CROSSED
from evaluation.report import EvaluationReport, SliceReport
from evaluation.uncertainty.intervals import RateEstimate
from pipelines.report_page.blocks import Cell, Head, Row, Section, Table
from pipelines.report_page.charts.bars import Span, axis_bar, interval_bar, shared_scale
from pipelines.report_page.charts.scales import Scale
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.names import say_family, say_slice
from pipelines.report_page.numbers import DASH, count, interval, percent, rate_text

OVERALL = "all"
_MANY = 2
"""More slices of a family than this that are too small for both rates share one row."""


def slices(inputs: Inputs) -> Section:
    """Forest plot of FNMR and FMR at the default operating point."""
    report = inputs.report
    lead = (
        f"Both rates at {report.default_operating_point} for every slice, on one scale each; the"
        " upright line is the rate over all. Impostors of a slice are strangers of the same kind."
        " A slice with fewer than"
        f" {count(report.min_genuine_pairs)} genuine or {count(report.min_impostor_pairs)} impostor"
        " comparisons shows no rate: it is not known to be good."
    )
    if not report.slices:
        return Section("slices", "Slices", lead, missing="No slice was cut.")
    return Section("slices", "Slices", lead, [forest(report)])


def forest(report: EvaluationReport) -> Table:
    """One row for each slice, the whole test split first."""
    point = report.default_operating_point
    overall = report.points[point].rates
    misses = [s.points[point].fnmr for s in report.slices.values() if not s.too_few_genuine]
    matches = [s.points[point].fmr for s in report.slices.values() if not s.too_few_impostor]
    up = shared_scale(_spans([overall.fnmr, *misses]))
    across = shared_scale(_spans([overall.fmr, *matches]), kind="log")
    heads = (
        Head("Slice"),
        Head("FNMR", drawing=axis_bar(up, "scale of FNMR")),
        Head("FNMR, interval", number=True),
        Head("n", number=True),
        Head("FMR", drawing=axis_bar(across, "scale of FMR, logarithmic")),
        Head("FMR, interval", number=True),
        Head("n", number=True),
    )
    first = Row(
        [
            Cell(OVERALL),
            *_cells(overall.fnmr, False, up, None),
            *_cells(overall.fmr, False, across, None),
        ],
        "Everybody",
    )
    rows = [first]
    ordered = sorted(report.slices.items(), key=lambda item: _family(*item))
    for _, family in groupby(ordered, key=lambda item: item[1].family):
        members = list(family)
        small = [one for one in members if one[1].too_few_genuine and one[1].too_few_impostor]
        gathered = small if len(small) > _MANY else []
        rows += [_row(*one, report, up, across) for one in members if one not in gathered]
        rows += [_too_few(gathered)] if gathered else []
    return Table(f"Slices at {point}", heads, rows, look="forest")


def _too_few(small: Sequence[tuple[str, SliceReport]]) -> Row:
    """Slices that are too small for either rate, in one row."""
    family = small[0][1].family
    names = "; ".join(say_slice(name, family) for name, _ in small)
    few = Cell("too few", "muted", badge=True)
    rest = Cell("not shown", "muted", number=True), Cell(DASH, "muted", number=True)
    return Row([Cell(f"{len(small)} more", note=names), *(few, *rest) * 2], say_family(family))


def _row(name: str, part: SliceReport, report: EvaluationReport, up: Scale, across: Scale) -> Row:
    point = report.default_operating_point
    overall, rates = report.points[point].rates, part.points[point]
    predicted = predicted_text(part.labels)
    return Row(
        [
            Cell(say_slice(name, part.family), note=predicted),
            *_cells(rates.fnmr, part.too_few_genuine, up, overall.fnmr.rate),
            *_cells(rates.fmr, part.too_few_impostor, across, overall.fmr.rate),
        ],
        say_family(part.family),
    )


def _cells(found: RateEstimate, too_few: bool, scale: Scale, overall: float | None) -> list[Cell]:
    numbers = Cell(count(found.num_comparisons), "muted", number=True)
    if found.rate is None or too_few:
        return [
            Cell("too few", badge=True, tone="muted"),
            Cell("not shown", "muted", number=True),
            numbers,
        ]
    tone = "fail" if overall is not None and found.low > overall else ""
    bar: Markup = interval_bar(_span(found), scale, tone, overall, rate_text(found))
    return [
        Cell(rate_text(found), drawing=bar),
        Cell(percent(found.rate), number=True, note=interval(found.low, found.high)),
        numbers,
    ]


def _spans(found: Sequence[RateEstimate]) -> list[Span]:
    return [_span(one) for one in found if one.rate is not None]


def _span(found: RateEstimate) -> Span:
    return Span(found.rate or 0.0, found.low, found.high)


def _family(name: str, part: SliceReport) -> tuple[int, str, str]:
    """Order of the families: columns, crossings, the rest; then by name."""
    family = part.family
    if family is None:
        return 2, "", name
    return int(CROSSED in family), family, name
