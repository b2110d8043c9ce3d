"""What must not change when a photo does, and what must never match."""

from collections.abc import Iterator

from evaluation.suites.behaviour import BehaviourReport, ExpectationReport
from pipelines.report_page.blocks import Cell, Head, Row, Section, Table
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.names import say_metric
from pipelines.report_page.numbers import plain, round_percent, words
from pipelines.report_page.sections.failure_modes import ORDER, STANDING, measured_cell

_NOT_RATES = ("score", "quality", "order", "deficit")


def behaviour(inputs: Inputs) -> Section:
    """Each expectation of the suite at its worst condition against its bound."""
    lead = (
        "Small changes must not flip decisions, worse photos must not match better, and junk must"
        " never match: on genuine and on impostor pairs. Each expectation at its worst condition."
    )
    found = inputs.report.behaviour
    if not found:
        return Section("behaviour", "Behaviour", lead, missing="The suite was not run.")
    ordered = sorted(found.items(), key=lambda item: ORDER.index(item[1].verdict))
    rows = [row for name, case in ordered for row in _rows(name, case)]
    heads = (
        Head("Expectation"),
        Head("Standing"),
        Head("Measured", number=True),
        Head("Bound", number=True),
        Head("Worst at"),
    )
    return Section("behaviour", "Behaviour", lead, [Table("Behaviour suite", heads, rows)])


def _rows(name: str, case: BehaviourReport) -> Iterator[Row]:
    for one in case.expectations:
        yield _row(one, f"{words(name)} ({case.kind}): {case.how}")


def _row(one: ExpectationReport, group: str) -> Row:
    word, tone = STANDING[one.verdict]
    is_rate = not any(part in one.metric for part in _NOT_RATES)
    bound = round_percent(one.bound) if is_rate else plain(one.bound)
    return Row(
        [
            Cell(say_metric(one.metric)),
            Cell(word, tone, badge=True),
            measured_cell(one.measured, is_rate=is_rate),
            Cell(f"at most {bound}", number=True),
            Cell(words(one.worst or "")),
        ],
        group,
    )
