"""A simulated morning as two pictures: what came to the doors, and how long the queues were."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from data.files import whole_file
from data.simulator import Morning
from data.simulator.arrivals import ArrivalTimes
from data.simulator.config import SessionConfig
from data.simulator.day import Day

_BIN_S: Final = 120.0
_SIZE_INCHES: Final = (8.0, 4.8)


def draw_morning(morning: Morning, transactions: pd.DataFrame, folder: Path) -> list[Path]:
    """Write `arrivals.png` and `queue.png` into a folder; returns their paths."""
    with mpl.rc_context({"axes.grid": True, "grid.alpha": 0.3}):
        figures = {
            "arrivals.png": _arrivals(morning, transactions),
            "queue.png": _queue(morning, transactions),
        }
        for name, figure in figures.items():
            with whole_file(folder / name) as partial:
                figure.savefig(partial, format="png", dpi=110)
    return [folder / name for name in figures]


def _arrivals(morning: Morning, transactions: pd.DataFrame) -> Figure:
    """Arrivals of each two minutes beside their intensity, and the light outside."""
    figure = Figure(_SIZE_INCHES, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    came = transactions[transactions["ending"] != "absent"]
    edges = _edges(came["arrived_s"].to_numpy(dtype=np.float64))
    sessions = morning.config.sessions
    per_session = [came.loc[came["session"] == s.name, "arrived_s"] / 3600 for s in sessions]
    upper.hist(per_session, bins=edges / 3600, stacked=True, label=[s.name for s in sessions])
    expected = np.sum([_expected(morning, session, edges) for session in sessions], axis=0)
    upper.plot((edges[1:] + edges[:-1]) / 7200, expected, "k--", label="intensity")
    upper.set(ylabel=f"arrivals in {_BIN_S / 60:g} min")
    upper.legend()
    day = Day(morning.config.day, morning.config.seed)
    lower.plot(edges / 3600, [day.outdoor_lux(t) / 1e3 for t in edges], "tab:orange")
    lower.set(xlabel="hour of the day", ylabel="outside, klx", ylim=(0, None))
    return figure


def _expected(
    morning: Morning, session: SessionConfig, edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    since_s = edges - 3600 * session.starts_at_hour
    shares = ArrivalTimes(morning.config.arrivals).distribution(since_s)
    present = 1 - morning.config.claims.absent_share
    num = present * sum(gate.num_candidates for gate in session.gates)
    return np.asarray(np.diff(shares) * num)


def _queue(morning: Morning, transactions: pd.DataFrame) -> Figure:
    """People in the queue of each gate, and how long those who came then had to wait."""
    figure = Figure(_SIZE_INCHES, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    came = transactions[transactions["ending"] != "absent"]
    for (session, gate), rows in came.groupby(["session", "gate"], sort=False):
        _draw_gate(upper, lower, f"{session}/{gate}", rows)
    for session_config in morning.config.sessions:
        for axes in (upper, lower):
            axes.axvline(session_config.starts_at_hour, color="k", linestyle=":", linewidth=1)
    upper.set(ylabel="people in the queue")
    upper.legend(fontsize="small")
    lower.set(xlabel="hour of the day (dotted: start of an exam)", ylabel="waited, min")
    return figure


def _draw_gate(upper: Axes, lower: Axes, name: str, rows: pd.DataFrame) -> None:
    arrived = rows["arrived_s"].to_numpy(dtype=np.float64)
    called = rows["called_s"].to_numpy(dtype=np.float64)
    at_s = np.concatenate([arrived, called])
    change = np.concatenate([np.ones(len(arrived)), -np.ones(len(called))])
    order = np.lexsort((-change, at_s))
    upper.step(at_s[order] / 3600, np.cumsum(change[order]), where="post", label=name)
    lower.plot(arrived / 3600, (called - arrived) / 60, ".", markersize=4, label=name)


def _edges(arrived_s: NDArray[np.float64]) -> NDArray[np.float64]:
    first, last = (arrived_s.min(), arrived_s.max()) if len(arrived_s) else (0.0, _BIN_S)
    return np.asarray(np.arange(first - _BIN_S, last + 2 * _BIN_S, _BIN_S))
