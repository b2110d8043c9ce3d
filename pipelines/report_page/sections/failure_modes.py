"""Known ways to fail, each provoked on purpose."""

from typing import Final

from evaluation.measurement import Measurement
from evaluation.suites.failure_modes import FailureModeReport
from pipelines.report_page.blocks import Cell, Head, Row, Section, Table, Tone
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.names import say_metric
from pipelines.report_page.numbers import DASH, percent, plain, round_percent, sample, span, words

STANDING: Final[dict[str, tuple[str, Tone]]] = {
    "within": ("within bound", "pass"),
    "exceeded": ("exceeded", "fail"),
    "inconclusive": ("inconclusive", "inconclusive"),
    "no_bound": ("no bound", "muted"),
    "not_measured": ("not measured", "inconclusive"),
}
ORDER: Final = ("exceeded", "inconclusive", "not_measured", "within", "no_bound")


def failure_modes(inputs: Inputs) -> Section:
    """Each mode at its worst condition against its bound."""
    found = inputs.report.failure_modes
    lead = (
        "Each known way to fail, provoked on photos of the test split, at its worst condition. A"
        " mode without a bound is watched and decides nothing."
    )
    if not found:
        return Section("failure-modes", "Known failure modes", lead, missing="None was provoked.")
    heads = (
        Head("Mode"),
        Head("Standing"),
        Head("Metric"),
        Head("Measured", number=True),
        Head("Bound", number=True),
        Head("Worst at"),
    )
    ordered = sorted(found.items(), key=lambda item: ORDER.index(item[1].verdict))
    rows = [_row(name, mode) for name, mode in ordered]
    return Section(
        "failure-modes", "Known failure modes", lead, [Table("Failure modes", heads, rows)]
    )


def measured_cell(found: Measurement | None, *, is_rate: bool = True) -> Cell:
    """A measured value with its interval and n."""
    if found is None:
        return Cell(DASH, "muted", number=True)
    write = percent if is_rate else plain
    ends = f"{span(found.low, found.high, is_rate=is_rate)}; " if found.low is not None else ""
    note = f"{ends}{sample(found.n)}"
    if found.too_few:
        return Cell("too few", "muted", number=True, note=note)
    return Cell(write(found.value), number=True, note=note)


def _row(name: str, mode: FailureModeReport) -> Row:
    word, tone = STANDING[mode.verdict]
    bound = DASH if mode.bound is None else f"at most {round_percent(mode.bound)}"
    return Row(
        [
            Cell(words(name), note=words(mode.how)),
            Cell(word, tone, badge=True, note=f"{mode.status}; {mode.owner}"),
            Cell(say_metric(mode.metric)),
            measured_cell(mode.measured),
            Cell(bound, number=True),
            Cell(words(mode.worst or DASH)),
        ]
    )
