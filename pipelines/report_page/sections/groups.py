"""How unequal the groups are, with what chance alone would make of them, and who meets whom."""

from collections.abc import Iterator
from typing import Final

from evaluation.groups.cross_cells import CellPair, CrossCells
from evaluation.groups.fairness import FairnessReport, GroupRates, Summary
from pipelines.report_page.blocks import Cell, Head, Heat, HeatCell, Row, Section, Table, Tone
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.names import say_family, say_metric, say_slice
from pipelines.report_page.numbers import DASH, bare_percent, interval, percent, rate_text, short

_SHOWN: Final = ("worst", "max_over_geomean", "garbe")
_LEVELS: Final = 5
_UNLIKELY: Final = 0.05


def fairness(inputs: Inputs) -> Section:
    """Worst group, ratio and inequality of both rates, for each family of groups."""
    lead = (
        "How unequal the groups of a family are. Small groups differ by chance alone, so each"
        " figure stands beside what it is when labels are dealt at random (median, and what 95 % of"
        " the dealings stay below). p is how often chance alone is at least as unequal."
    )
    found = inputs.report.fairness
    point = inputs.report.default_operating_point
    rows = [row for name, one in found.items() for row in _family_rows(name, one, point)]
    if not rows:
        missing = "No family of groups had two groups with enough comparisons."
        return Section("fairness", "Fairness", lead, missing=missing)
    heads = (
        Head("Groups"),
        Head("Worst group"),
        *(Head(say_metric(name), number=True) for name in _SHOWN[1:]),
        Head("Too few", number=True),
    )
    return Section("fairness", "Fairness", lead, [Table(f"Groups at {point}", heads, rows)])


def cross_cell_maps(inputs: Inputs) -> Section:
    """FMR between every two groups that meet."""
    lead = (
        "FMR of strangers of two groups; on the diagonal, of the same group. Darker is higher, on"
        " one scale for each map. A dot stands for too few comparisons to say anything."
    )
    found = inputs.report.cross_cells
    if not found:
        return Section("cross-cells", "Who is taken for whom", lead, missing="Not measured.")
    return Section(
        "cross-cells", "Who is taken for whom", lead, [heat(f, m) for f, m in found.items()]
    )


def heat(family: str, found: CrossCells) -> Heat:
    """One map; its colour goes from 0 to the highest rate that enough comparisons stand behind."""
    known = {(one.left, one.right): one for one in found.entries}
    meeting = {name for one in found.entries if not one.too_few for name in (one.left, one.right)}
    cells = [name for name in found.cells if name in meeting]
    highest = max((one.fmr.rate or 0.0 for one in found.entries if not one.too_few), default=0.0)
    rows = []
    for left in cells:
        pairs = (known.get((left, right)) or known.get((right, left)) for right in cells)
        rows.append((say_slice(left, family), [_cell(pair, highest) for pair in pairs]))
    names = [say_slice(name, family) for name in cells]
    left_out = len(found.cells) - len(cells)
    more = f"; {left_out} more have too few comparisons with anybody" if left_out else ""
    return Heat(f"{say_family(family)}, FMR in % at {found.point}{more}", names, rows)


def _family_rows(name: str, found: FairnessReport, point: str) -> Iterator[Row]:
    at = found.points.get(point)
    both = (("FNMR", at.fnmr), ("FMR", at.fmr)) if at is not None else ()
    for metric, rates in both:
        if rates is None:
            few = Cell("fewer than two groups are large enough", "muted")
            yield Row([Cell(metric), few, Cell(), Cell(), Cell()], say_family(name))
        else:
            yield Row(_cells(metric, rates, name), say_family(name))


def _cells(metric: str, rates: GroupRates, family: str) -> list[Cell]:
    worst = rates.groups[rates.worst]
    unlikely = rates.summaries["worst"].null.p_value < _UNLIKELY
    return [
        Cell(metric, note=f"all groups {percent(rates.overall)}"),
        Cell(
            f"{say_slice(rates.worst, family)}: {percent(worst.rate)}",
            "fail" if unlikely else "",
            note=f"{interval(worst.low, worst.high)}, all groups at once\n"
            f"{_chance(rates.summaries['worst'], rate=True)}",
        ),
        *(_summary(rates.summaries[name]) for name in _SHOWN[1:]),
        Cell(f"{len(rates.left_out)} of {len(rates.left_out) + len(rates.groups)}", number=True),
    ]


def _summary(found: Summary) -> Cell:
    tone: Tone = "fail" if found.null.p_value < _UNLIKELY else ""
    return Cell(short(found.value), tone, number=True, note=_chance(found, rate=False))


def _chance(found: Summary, *, rate: bool) -> str:
    write = percent if rate else short
    null = found.null
    median, high = write(null.median), write(null.high)
    return f"by chance {median}, up to {high}\np\N{NO-BREAK SPACE}{null.p_value:.3f}"


def _cell(pair: CellPair | None, highest: float) -> HeatCell:
    if pair is None or pair.fmr.rate is None:
        return HeatCell(DASH, "nobody to compare")
    told = f"{rate_text(pair.fmr)}, n {pair.fmr.num_comparisons:,}"
    if pair.too_few:
        return HeatCell("·", f"too few: {told}")
    share = pair.fmr.rate / highest if highest else 0.0
    return HeatCell(bare_percent(pair.fmr.rate), told, round(_LEVELS * share))
