"""Whether quality finds the photos that fail, who owns the errors, and what a score is worth."""

from typing import Final

from evaluation.measures.ownership import Ownership
from pipelines.report_page.blocks import (
    Block,
    Cell,
    Chart,
    Charts,
    Facts,
    Head,
    Note,
    Row,
    Section,
    Table,
)
from pipelines.report_page.charts.curves import steps
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.numbers import count, percent, plain, words

_NUM_CURVES: Final = 3


def discard(inputs: Inputs) -> Section:
    """FNMR when the comparisons of the lowest quality are taken away."""
    lead = (
        "FNMR of what is left when the genuine comparisons of the lowest quality are discarded, the"
        " threshold unmoved. A figure that knows which photos fail makes it fall; one that knows"
        " nothing leaves it flat. Relative area: 0 is ideal, 1 knows nothing, more misleads."
    )
    found = inputs.report.discard
    if not found:
        return Section(
            "discard", "Quality and errors", lead, missing="No quality, or no error to find."
        )
    best = list(found.items())[:_NUM_CURVES]
    shown = dict(best) | ({"quality": found["quality"]} if "quality" in found else {})
    lines = {words(name): (one.discarded, one.fnmrs) for name, one in shown.items()}
    drawing = steps(lines, "share discarded", "FNMR of the rest")
    heads = (Head("Quality figure"), Head("Relative area", number=True))
    rows = [
        Row([Cell(words(name)), Cell(plain(round(one.relative_area, 3)), number=True)])
        for name, one in found.items()
    ]
    return Section(
        "discard",
        "Quality and errors",
        lead,
        [
            Charts([Chart("Error versus discard", drawing)]),
            Table("Every quality figure", heads, rows),
        ],
    )


def ownership(inputs: Inputs) -> Section:
    """How few people own the errors."""
    lead = (
        "Do a few people own most errors? The Gini coefficient is 0 where all own as many. Few"
        " errors are uneven by chance alone, so it stands beside what chance makes of as many"
        " errors; p is how often chance is at least as uneven."
    )
    found = inputs.report.ownership
    if found is None:
        return Section("ownership", "Who owns the errors", lead, missing="Not measured.")
    heads = (
        Head("Errors"),
        Head("Owned by", number=True),
        Head("Gini", number=True),
        Head("Worst 1 % own", number=True),
        Head("Worst 5 % own", number=True),
        Head("p", number=True),
    )
    kinds = (("false matches", found.false_match), ("false non-matches", found.false_non_match))
    rows = [_owned(name, one) for name, one in kinds]
    caption = f"Ownership at {found.point}"
    return Section("ownership", "Who owns the errors", lead, [Table(caption, heads, rows)])


def calibration(inputs: Inputs) -> Section:
    """What a score is worth as evidence."""
    lead = (
        "Cost of the scores as likelihood ratios, in bits: 0 knows everything, 1 nothing. The loss"
        " is what a better map from score to likelihood ratio would save."
    )
    found = inputs.report.calibration
    if found is None:
        return Section("calibration", "Calibration", lead, missing="No map could be fitted.")
    named = (
        ("Cllr", found.cllr),
        ("minimum Cllr", found.min_cllr),
        ("calibration loss", found.loss),
    )
    pairs = [
        (name, Cell(plain(round(one.value, 4)), note=_bits(one.low, one.high)))
        for name, one in named
    ]
    blocks: list[Block] = [Facts("On the test split", pairs)]
    if found.num_without_template:
        blocks.append(
            Note(
                f"{count(found.num_without_template)} comparisons had no template; they carry no"
                " evidence and cost one bit each.",
                "muted",
            )
        )
    return Section("calibration", "Calibration", lead, blocks)


def _owned(name: str, found: Ownership | None) -> Row:
    if found is None:
        return Row(
            [Cell(name), Cell("no error", "muted", number=True), *[Cell() for _ in range(4)]]
        )
    return Row(
        [
            Cell(name, note=count(found.num_errors)),
            Cell(f"{count(found.num_owners)} of {count(found.num_people)} people", number=True),
            Cell(
                plain(round(found.gini, 3)),
                number=True,
                note=f"by chance {found.gini_null:.3f}, up to {found.gini_null_high:.3f}",
            ),
            Cell(percent(found.top_1), number=True),
            Cell(percent(found.top_5), number=True, note=f"by chance {percent(found.top_5_null)}"),
            Cell(f"{found.p_value:.3f}", number=True),
        ]
    )


def _bits(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
