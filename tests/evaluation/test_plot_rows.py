"""Tables behind the plots say what the report says."""

from collections.abc import Callable

import pandas as pd
import pytest

from evaluation.groups.cross_cells import cross_cells
from evaluation.measures.bands import det_band
from evaluation.measures.discard_report import discard_reports
from evaluation.operating_points import operating_points
from evaluation.plot_rows import band_rows, cross_cell_rows, discard_rows
from evaluation.scores import ScoredSplit
from evaluation.uncertainty.bootstrap import SubjectBootstrap

BOOTSTRAP = SubjectBootstrap(replicates=100)


def test_band_rows_hold_both_rates_in_their_intervals(campus: ScoredSplit) -> None:
    band = det_band(campus, 0.9, BOOTSTRAP, 12)
    rows = band_rows(band)
    assert len(rows) == len(band.points)
    for rate in ("fmr", "fnmr"):
        assert rows[rate].between(rows[f"{rate}_low"], rows[f"{rate}_high"]).all()
    assert rows["threshold"].is_monotonic_decreasing
    assert len(band_rows(None)) == 0


def test_a_map_is_symmetrical_and_leaves_out_what_is_too_few(campus: ScoredSplit) -> None:
    (point,) = operating_points(campus.impostor_scores, (0.1,)).values()
    found = cross_cells(campus, ("gender",), "fmr_1e-1", point, 2000, 0.9, BOOTSTRAP)
    rows = cross_cell_rows({"gender": found})
    known = {(row.left, row.right): row.value for row in rows.itertuples()}
    assert all(known[right, left] == value for (left, right), value in known.items())
    assert {entry.too_few for entry in found.entries} == {True, False}
    assert len(known) == sum(
        1 if entry.left == entry.right else 2 for entry in found.entries if not entry.too_few
    )


def test_discard_rows_begin_with_nothing_discarded(make_split: Callable[..., ScoredSplit]) -> None:
    split = make_split(seed=3)
    table = split.table.assign(quality=range(len(split.table)))
    reports = discard_reports(ScoredSplit(table, split.usable, split.pairs, split.scores), 0.3)
    rows = discard_rows(reports)
    assert isinstance(rows, pd.DataFrame)
    assert set(rows["quality"]) == set(reports) == {"quality"}
    assert rows["discarded"].iloc[0] == 0
    assert rows["fnmr"].iloc[0] == pytest.approx(reports["quality"].fnmrs[0])
