"""The headline figures, and the further protocols at the same thresholds."""

from collections.abc import Iterator

from evaluation.report import EvaluationReport, PointReport
from evaluation.suites.protocols import PartReport, ProtocolReport
from evaluation.uncertainty.intervals import RateEstimate
from pipelines.report_page.blocks import Cell, Facts, Head, Note, Row, Section, Table
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.numbers import (
    cosine,
    count,
    interval,
    one_in,
    percent,
    plain,
    round_percent,
    words,
)

_HEADS = (
    Head("Operating point"),
    Head("Threshold", number=True),
    Head("FMR", number=True),
    Head("FNMR", number=True),
    Head("n impostor", number=True),
    Head("n genuine", number=True),
    Head("FMR on calibration", number=True),
    Head("FNMR, test threshold", number=True),
)


def headline_rates(inputs: Inputs) -> Section:
    """Both error rates at each frozen threshold."""
    report = inputs.report
    rows = [_point_row(name, point, report) for name, point in report.points.items()]
    return Section(
        "rates",
        "Error rates",
        "FMR: share of strangers accepted. FNMR: share of the right people refused; photos that"
        " gave no template count as refused. Thresholds were frozen on the calibration split, whose"
        " people are not in the test split. n_eff: independent comparisons that know as much.",
        [Table("Error rates at the frozen thresholds", _HEADS, rows), _secondary(report)],
    )


def protocols(inputs: Inputs) -> Section:
    """Other ways to pair the people of the test split: look-alikes, siblings, templates."""
    report = inputs.report
    rows = [
        row for name, one in report.protocols.items() for row in _protocol_rows(name, one, report)
    ]
    lead = (
        "The same model at the same threshold on other pairs of the test split, such as"
        " look-alikes, siblings, or several photos as one template."
    )
    if not report.protocols:
        return Section(
            "protocols", "Further protocols", lead, missing="No further protocol was judged."
        )
    heads = (Head("Protocol"), Head("FMR", number=True), Head("FNMR", number=True))
    notes = [
        Note(f"{words(name)}: {one.identity.definition}", "muted")
        for name, one in report.protocols.items()
    ]
    caption = f"Protocols at {report.default_operating_point}"
    return Section("protocols", "Further protocols", lead, [Table(caption, heads, rows), *notes])


def rate_cell(found: RateEstimate, least: int = 0) -> Cell:
    """A rate over its interval and its numbers; too few comparisons are said, not shown."""
    if found.rate is None:
        return Cell("not compared", "muted", number=True)
    numbers = f"{count(found.num_errors)} of {count(found.num_comparisons)}"
    if found.num_comparisons < least:
        return Cell("too few", "muted", number=True, note=f"{numbers}, {count(least)} wanted")
    return Cell(
        percent(found.rate), number=True, note=f"{interval(found.low, found.high)}; {numbers}"
    )


def _point_row(name: str, point: PointReport, report: EvaluationReport) -> Row:
    frozen, rates = point.operating_point, point.rates
    default = ", default" if name == report.default_operating_point else ""
    chosen = point.at_test_fmr
    return Row(
        [
            Cell(name, note=f"target {round_percent(frozen.target_fmr)}{default}", code=True),
            Cell(cosine(frozen.threshold), number=True),
            _headline_cell(rates.fmr),
            _headline_cell(rates.fnmr),
            _sizes(rates.fmr),
            _sizes(rates.fnmr),
            Cell(
                percent(frozen.realised_fmr),
                number=True,
                note=f"of {count(frozen.num_impostor_pairs)} pairs",
            ),
            Cell(percent(chosen.fnmr), number=True, note="optimistic")
            if chosen
            else Cell("too few", "muted", number=True),
        ]
    )


def _headline_cell(found: RateEstimate) -> Cell:
    spoken = one_in(found.rate)
    between = interval(found.low, found.high)
    return Cell(
        percent(found.rate), number=True, note=f"{between}\n{spoken}" if spoken else between
    )


def _sizes(found: RateEstimate) -> Cell:
    return Cell(
        count(found.num_comparisons),
        number=True,
        note=f"n_eff {count(found.num_effective)}\n{count(found.num_subjects)} people",
    )


def _secondary(report: EvaluationReport) -> Facts:
    pairs = [("AUC", Cell(plain(report.auc))), ("EER", Cell(percent(report.eer)))]
    if report.tenfold is not None:
        fold = report.tenfold
        text = f"{percent(fold.mean)} ± {percent(fold.standard_error)}"
        pairs.append(("Accuracy over folds", Cell(text)))
    return Facts("Secondary figures, of which no threshold is made", pairs)


def _protocol_rows(name: str, one: ProtocolReport, report: EvaluationReport) -> Iterator[Row]:
    if one.overall is None:
        why = one.not_judged or "not judged"
        yield Row([Cell(words(name)), Cell("not judged", "muted", note=why), Cell()], words(name))
        return
    yield _part_row("all", one.overall, report, words(name))
    for bin_name, part in one.bins.items():
        yield _part_row(bin_name, part, report, words(name))


def _part_row(name: str, part: PartReport, report: EvaluationReport, group: str) -> Row:
    rates = part.points[report.default_operating_point]
    cells = [rate_cell(rates.fmr, report.min_impostor_pairs)]
    cells.append(rate_cell(rates.fnmr, report.min_genuine_pairs))
    return Row([Cell(name), *cells], group)
