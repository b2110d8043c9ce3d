"""DET with its band, and the scores that it comes from."""

from evaluation.plot_rows import band_rows
from pipelines.report_page.blocks import Chart, Charts, Section
from pipelines.report_page.charts.curves import Mark, det, histogram
from pipelines.report_page.inputs import Inputs


def trade_off(inputs: Inputs) -> Section:
    """What a stricter threshold would cost."""
    lead = (
        "What another threshold would cost: further left fewer strangers get in, further down fewer"
        " candidates are turned away. The closer the curve to the lower left corner, the better."
    )
    section = ("trade-off", "Trade-off and scores", lead)
    curve, scores = inputs.tables["det"], inputs.tables["scores"]
    if curve.empty or scores.empty:
        return Section(
            *section, missing="The tables of the curves are not there: `dvc repro evaluate`."
        )
    band = None if inputs.report.det_band is None else band_rows(inputs.report.det_band)
    said = (
        "no band was measured"
        if band is None
        else ("the band spans the intervals of both rates at each threshold by itself (pointwise)")
    )
    points = inputs.report.points
    return Section(
        *section,
        [
            Charts(
                [
                    Chart("DET", det(curve, band, _marks(inputs)), f"Probit axes; {said}."),
                    Chart(
                        "Scores",
                        histogram(
                            scores,
                            {name: p.operating_point.threshold for name, p in points.items()},
                        ),
                        "Genuine comparisons in teal, impostors in orange; a threshold accepts what"
                        " lies to its right.",
                    ),
                ]
            )
        ],
    )


def _marks(inputs: Inputs) -> list[Mark]:
    return [
        Mark(name, p.rates.fmr.rate or 0.0, p.rates.fnmr.rate or 0.0, p.operating_point.threshold)
        for name, p in inputs.report.points.items()
    ]
