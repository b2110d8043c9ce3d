"""False match rates beyond the data, by a model, and so never by themselves."""

from evaluation.measures.extremes import ModelledRate, ModelledThreshold, TailReport
from pipelines.report_page.blocks import Block, Cell, Chart, Charts, Head, Row, Section, Table
from pipelines.report_page.charts.curves import against
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.numbers import (
    DASH,
    cosine,
    count,
    interval,
    percent,
    plain,
    round_percent,
)


def tail(inputs: Inputs) -> Section:
    """A generalised Pareto law of the highest impostor scores, and whether to believe it."""
    lead = (
        "Model-based. A law is fitted to the highest impostor scores (ISO/IEC 5152) and asked what"
        " lies beyond the data. It stands beside the measured bounds and never in their place; no"
        " rule of the gate should rest on it."
    )
    found = inputs.report.tail
    if found is None:
        missing = "Too few impostor comparisons to model the highest scores."
        return Section("tail", "Beyond the data (model-based)", lead, missing=missing)
    blocks: list[Block] = [_rates(found, inputs), _targets(found), _believable(found)]
    blocks.append(_stability(found))
    return Section("tail", "Beyond the data (model-based)", lead, blocks)


def _rates(found: TailReport, inputs: Inputs) -> Table:
    heads = (
        Head("Operating point"),
        Head("FMR by the model", number=True),
        Head("FMR as measured", number=True),
    )
    rows = []
    for name, rate in found.points.items():
        measured = inputs.report.points[name].rates.fmr
        rows.append(
            Row(
                [
                    Cell(name, code=True, note=f"threshold {cosine(rate.threshold)}"),
                    Cell(percent(rate.fmr), number=True, note=_ends(rate)),
                    Cell(
                        percent(measured.rate),
                        number=True,
                        note=f"{interval(measured.low, measured.high)}\n"
                        f"{count(measured.num_errors)} errors",
                    ),
                ]
            )
        )
    return Table("At the frozen thresholds", heads, rows)


def _targets(found: TailReport) -> Table:
    heads = (
        Head("FMR wanted"),
        Head("Threshold by the model", number=True),
        Head("FNMR there", number=True),
    )
    rows = [
        Row(
            [
                Cell(round_percent(one.target_fmr)),
                Cell(
                    "beyond 1" if one.threshold is None else cosine(one.threshold),
                    number=True,
                    note=_ends(one),
                ),
                Cell(percent(one.fnmr), number=True),
            ]
        )
        for one in found.targets.values()
    ]
    return Table("What smaller rates would cost", heads, rows)


def _believable(found: TailReport) -> Charts:
    model = [one.model for one in found.quantiles]
    observed = [one.observed for one in found.quantiles]
    drawing = against(model, observed, "exceedance by the model", "exceedance observed")
    caption = "Straight along the line where the law holds."
    return Charts([Chart("Quantiles", drawing, caption)])


def _stability(found: TailReport) -> Table:
    heads = (
        Head("Share of impostors above"),
        Head("Threshold", number=True),
        Head("Comparisons", number=True),
        Head("Shape", number=True),
        Head("FMR at the strictest point", number=True),
    )
    rows = [
        Row(
            [
                Cell(
                    round_percent(one.share)
                    + (" (used)" if one.threshold == found.threshold else "")
                ),
                Cell(cosine(one.threshold), number=True),
                Cell(count(one.num_exceedances), number=True),
                Cell(
                    plain(one.shape),
                    number=True,
                    note=""
                    if one.shape_interval is None
                    else f"{plain(one.shape_interval.low)} to {plain(one.shape_interval.high)}",
                ),
                Cell(percent(one.fmr_at_strictest), number=True),
            ]
        )
        for one in found.stability
    ]
    return Table(
        "Stability: believable where shape and rate do not depend on the threshold", heads, rows
    )


def _ends(one: ModelledRate | ModelledThreshold) -> str:
    if one.interval is None:
        return DASH
    if isinstance(one, ModelledThreshold):
        return f"{cosine(one.interval.low)} to {cosine(one.interval.high)}"
    return interval(one.interval.low, one.interval.high)
