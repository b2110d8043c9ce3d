"""Curves of an evaluation: DET with its band, scores, errors against discards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from pipelines.report_page.charts import svg
from pipelines.report_page.charts.axes import Axis, Frame, legend
from pipelines.report_page.numbers import percent, plain, round_percent

_SMALLEST, _LARGEST = 1e-7, 1 - 1e-4
_SHOWN = 0.6
"""Beyond this rate on either axis nobody would put a threshold."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An operating point on a curve."""

    name: str
    fmr: float
    fnmr: float
    threshold: float


def det(curve: pd.DataFrame, band: pd.DataFrame | None, marks: Sequence[Mark]) -> Markup:
    """FNMR over FMR on probit axes; columns as in `evaluation.measures.curves.det_curve`.

    `band` has fmr_low, fmr_high, fnmr_low, fnmr_high of each threshold, from the strictest to the
    laxest, and is drawn from corner to corner of these boxes.
    """
    curve = _shown(curve)
    frame = Frame(_rates(curve["fmr"], "FMR"), _rates(curve["fnmr"], "FNMR"))
    parts = []
    if band is not None and len(band := _shown(band)):
        worse, better = (frame.points(*corner) for corner in _corners(band))
        parts.append(svg.path([*worse, *better[::-1]], "band", closed=True))
    parts.append(svg.path(frame.points(_clear(curve["fmr"]), _clear(curve["fnmr"])), "curve"))
    for mark in marks:
        ((x, y),) = frame.points([_inside(mark.fmr)], [_inside(mark.fnmr)])
        parts += [svg.circle((x, y), 4.5, "dot"), svg.text((x + 8, y - 6), mark.name, "label")]
    told = "; ".join(f"{m.name}: FMR {percent(m.fmr)}, FNMR {percent(m.fnmr)}" for m in marks)
    return frame.draw(f"DET curve. {told}", parts)


def histogram(scores: pd.DataFrame, thresholds: Mapping[str, float]) -> Markup:
    """Densities of genuine and impostor scores, each scaled to its own top, with thresholds."""
    shown = scores[(scores["genuine"] > 0) | (scores["impostor"] > 0)]
    middles = scores["score"].to_numpy(float)
    half = float(middles[1] - middles[0]) / 2
    low, high = float(shown["score"].min()) - half, float(shown["score"].max()) + half
    frame = Frame(
        Axis("linear", low, high, "score (cosine)", plain),
        Axis("linear", 0, 1.08, "share of comparisons, each to its own top", lambda _: ""),
    )
    parts = [_hill(frame, shown, kind, half) for kind in ("impostor", "genuine")]
    ordered = sorted(thresholds.items(), key=lambda item: item[1])
    parts += [frame.upright(value, name, level) for level, (name, value) in enumerate(ordered)]
    told = ", ".join(f"{name} {value:.3f}" for name, value in ordered)
    alternative = f"Score distributions of genuine and impostor comparisons. Thresholds: {told}"
    return frame.draw(alternative, parts)


def steps(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], across: str, up: str
) -> Markup:
    """Stepped curves of rates over shares, such as FNMR over discarded comparisons."""
    xs = [x for line, _ in curves.values() for x in line]
    ys = [y for _, line in curves.values() for y in line]
    frame = Frame(
        Axis("linear", 0, max(xs, default=1.0) or 1.0, across, round_percent),
        Axis("linear", 0, (max(ys, default=1.0) or 1.0) * 1.1, up, round_percent),
    )
    parts = [
        svg.path(svg.stepped(frame.points(x, y)), f"curve c{number}")
        for number, (x, y) in enumerate(curves.values())
    ]
    names = [(f"swatch c{number}", name) for number, name in enumerate(curves)]
    if len(names) > 1:
        parts.append(legend(names))
    return frame.draw(f"{up} over {across}: {', '.join(curves)}", parts)


def against(across: Sequence[float], up: Sequence[float], name: str, other: str) -> Markup:
    """Points of two things that should be equal, with the line on which they are."""
    highest = max([*across, *up], default=1.0) * 1.05 or 1.0
    frame = Frame(Axis("linear", 0, highest, name, plain), Axis("linear", 0, highest, other, plain))
    line = svg.path(frame.points([0, highest], [0, highest]), "curve c4 dashed")
    dots = [svg.circle(point, 3, "dot") for point in frame.points(across, up)]
    return frame.draw(f"{other} against {name}", [line, *dots])


def _hill(frame: Frame, scores: pd.DataFrame, kind: str, half: float) -> Markup:
    middles, shares = scores["score"].to_numpy(float), scores[kind].to_numpy(float)
    tops = shares / max(float(shares.max()), 1e-12)
    edges = np.repeat(middles, 2) + np.tile([-half, half], len(middles))
    outline = frame.points(edges.tolist(), np.repeat(tops, 2).tolist())
    floor = frame.y.place(0)
    return svg.path([(outline[0][0], floor), *outline, (outline[-1][0], floor)], f"hill {kind}")


def _rates(values: pd.Series, name: str) -> Axis:
    clear = np.array(_clear(values))
    low, high = float(clear.min()), float(clear.max())
    return Axis("probit", min(low, 0.4), max(high, 0.5), name, round_percent)


def _corners(band: pd.DataFrame) -> tuple[tuple[list[float], list[float]], ...]:
    """Worse and better corners. FMR rises and FNMR falls from row to row, so bounds do too.

    What bounds a rate at one threshold also bounds it at those beyond.
    """
    backwards = band.iloc[::-1]
    worse = backwards["fmr_high"].cummin().iloc[::-1], band["fnmr_high"].cummin()
    better = band["fmr_low"].cummax(), backwards["fnmr_low"].cummax().iloc[::-1]
    return tuple((_clear(fmr), _clear(fnmr)) for fmr, fnmr in (worse, better))


def _shown(curve: pd.DataFrame) -> pd.DataFrame:
    kept = curve[(curve["fmr"] <= _SHOWN) & (curve["fnmr"] <= _SHOWN)]
    return kept if len(kept) > 1 else curve


def _clear(values: pd.Series) -> list[float]:
    return [_inside(value) for value in values.to_numpy(float)]


def _inside(value: float) -> float:
    return min(max(value, _SMALLEST), _LARGEST)
