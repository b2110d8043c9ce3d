"""Tables behind the plots: ROC, DET and score histogram, small enough for a page.

Columns are plain finite numbers; a row is a point.
"""

import math
from typing import Final

import numpy as np
import pandas as pd

from evaluation.measures.metrics import accepted, require_both
from evaluation.scores import Codes, Scores

MAX_POINTS: Final = 500
HISTOGRAM_BINS: Final = 100


def roc_curve(genuine: Scores, impostor: Scores, max_points: int = MAX_POINTS) -> pd.DataFrame:
    """Return the columns `fmr`, `tar`, `threshold`, from the strictest threshold to the laxest.

    Thinned evenly in log FMR to at most `max_points`; at each place the point with the best TAR is
    kept, so the thinned curve lies on the full one. The first point accepts nothing, the last one
    everything that gave a template, which is short of (1, 1) where photos failed. Raises
    `TooFewComparisonsError` where either is empty.
    """
    require_both(genuine, impostor, "ROC")
    thresholds = _thresholds(genuine, impostor)
    curve = pd.DataFrame(
        {
            "fmr": accepted(impostor, thresholds) / len(impostor),
            "tar": accepted(genuine, thresholds) / len(genuine),
            "threshold": thresholds,
        }
    )
    keep = _thinned(curve["fmr"].to_numpy(), 1 / len(impostor), max_points)
    return curve.iloc[keep].reset_index(drop=True)


def det_curve(genuine: Scores, impostor: Scores, max_points: int = MAX_POINTS) -> pd.DataFrame:
    """Return the columns `fmr`, `fnmr`, `threshold`, for logarithmic or probit axes.

    The points are those of `roc_curve`. A rate of zero has no place on these axes: it is drawn at
    half an error.
    """
    roc = roc_curve(genuine, impostor, max_points)
    return pd.DataFrame(
        {
            "fmr": roc["fmr"].clip(lower=0.5 / len(impostor)),
            "fnmr": (1 - roc["tar"]).clip(lower=0.5 / len(genuine)),
            "threshold": roc["threshold"],
        }
    )


def score_histogram(
    genuine: Scores, impostor: Scores, num_bins: int = HISTOGRAM_BINS
) -> pd.DataFrame:
    """Return the columns `score` (middle of a bin of -1..1), `genuine`, `impostor` (shares).

    Shares are of all comparisons, so failures to extract are what is missing from 1.
    """
    edges = np.linspace(-1, 1, num_bins + 1)
    return pd.DataFrame(
        {
            "score": (edges[:-1] + edges[1:]) / 2,
            "genuine": _shares(genuine, edges),
            "impostor": _shares(impostor, edges),
        }
    )


def _thresholds(genuine: Scores, impostor: Scores) -> Scores:
    """Every score at which something changes, descending, below one that accepts nothing."""
    scores = np.unique(np.concatenate([genuine, impostor]))
    scores = scores[np.isfinite(scores)]
    highest = float(scores[-1]) if len(scores) else 1.0
    return np.concatenate([[math.nextafter(highest, math.inf)], scores[::-1]])


def _thinned(rates: Scores, smallest: float, max_points: int) -> Codes:
    """Positions of the points to keep of a rising curve, the first and the last among them."""
    grid = np.concatenate([[0.0], np.geomspace(smallest, 1, max_points - 2)])
    best = np.searchsorted(rates, grid * (1 + 1e-12), side="right") - 1
    return np.unique(np.concatenate([[0], best])).astype(np.int64)


def _shares(scores: Scores, edges: Scores) -> Scores:
    counts = np.histogram(scores[np.isfinite(scores)], edges)[0]
    return counts / max(len(scores), 1)
