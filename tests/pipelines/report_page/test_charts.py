"""Drawings: what they are told they show, and nothing outside of the frame."""

import re

import pandas as pd
import pytest

from pipelines.report_page.charts import svg
from pipelines.report_page.charts.axes import HEIGHT, WIDTH
from pipelines.report_page.charts.bars import Span, axis_bar, interval_bar, shared_scale
from pipelines.report_page.charts.curves import Mark, against, det, histogram, steps

CURVE = pd.DataFrame(
    {
        "fmr": [1e-9, 1e-3, 0.01, 0.2, 1.0],
        "fnmr": [1.0, 0.4, 0.2, 0.05, 1e-9],
        "threshold": [0.9, 0.7, 0.6, 0.4, -1.0],
    }
)
BAND = pd.DataFrame(
    {
        "fmr": [0.0, 1e-3, 0.01],
        "fmr_low": [0.0, 1e-4, 0.005],
        "fmr_high": [0.05, 0.01, 0.02],  # wider where there was no error than beyond
        "fnmr": [0.5, 0.4, 0.2],
        "fnmr_low": [0.3, 0.35, 0.1],
        "fnmr_high": [0.55, 0.6, 0.3],
    }
)


def _points(drawing: str, class_: str) -> list[tuple[float, float]]:
    found = re.search(rf'<path d="([^"]*)" class="{class_}"', drawing)
    assert found
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", found[1])]


def test_text_and_attributes_are_escaped() -> None:
    drawn = svg.drawing(10, 10, '"><script>', [svg.text((0, 0), "<b>&", 'x"y')])
    assert "<script>" not in drawn
    assert "<b>" not in drawn
    assert drawn.count("&lt;script&gt;") == 2


@pytest.mark.parametrize("band", [None, BAND])
def test_det_stays_in_its_frame(band: pd.DataFrame | None) -> None:
    drawn = det(CURVE, band, [Mark("fmr_1e-2", 0.01, 0.2, 0.6)])
    assert "fmr_1e-2: FMR 1.00" in drawn
    assert ('class="band"' in drawn) == (band is not None)
    for x, y in _points(drawn, "curve"):
        assert 0 < x < WIDTH
        assert 0 < y < HEIGHT


def test_a_band_never_turns_back() -> None:
    corners = _points(det(CURVE, BAND, []), "band")
    worse, better = corners[:3], corners[3:][::-1]
    for edge in (worse, better):
        assert [x for x, _ in edge] == sorted(x for x, _ in edge)
        assert [y for _, y in edge] == sorted(y for _, y in edge)


def test_other_curves_name_what_they_show() -> None:
    scores = pd.DataFrame({"score": [0.0, 0.1], "genuine": [0.0, 1.0], "impostor": [1.0, 0.0]})
    assert "default 0.050" in histogram(scores, {"default": 0.05})
    drawn = steps({"sharpness": ([0.0, 0.1], [0.2, 0.1]), "pose": ([0.0], [0.2])}, "a", "b")
    assert drawn.count("sharpness") == 3  # title, label and legend
    assert against([1.0, 2.0], [1.0, 2.5], "model", "data").count("<circle") == 2


def test_bars_share_a_scale_and_mark_the_bound() -> None:
    spans = [Span(0.01, 0.005, 0.02), Span(0.0, 0.0, 0.1)]
    scale = shared_scale(spans, kind="log")
    first, second = (interval_bar(one, scale, "fail", 0.05, "told") for one in spans)
    assert first.count('class="bound"') == 1
    assert 'class="span fail"' in first
    assert re.findall(r'cx="([\d.]+)"', second) == ["8"]  # zero lies at the left end
    assert "1&nbsp;%" not in axis_bar(scale, "scale")
    assert "1\N{NO-BREAK SPACE}%" in axis_bar(scale, "scale")
