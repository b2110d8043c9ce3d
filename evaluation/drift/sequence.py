"""Successive windows: evidence that adds up, and may be looked at after every window.

Each window is compared with the reference together with all windows before it. Without drift all
those rows are exchangeable, so the p values of successive windows are independent and uniform, and
the product of their e-values is an e-process (Vovk's conformal test martingale): the chance that it
ever reaches 1 / alpha is at most alpha. Comparing every window with the same fixed reference would
test the reference's own sampling error again and again, and alarm for it in the end.

The metrics of a window are taken together before they become an e-value. A mean over one e-process
for each metric was tried first: with 24 metrics a single one that drifts is diluted 24 times, and
the mean is an e-process only if the metrics hang together in the same way in every window.

That windows which have drifted join the comparison costs nothing once the alarm has been raised,
and delays it where the drift creeps: the verdict on the last window compares with the reference
alone.
"""

from collections.abc import Sequence

import pandas as pd

from evaluation.drift.compare import Compared, compare
from evaluation.drift.config import DriftConfig
from evaluation.drift.p_values import e_value
from evaluation.drift.report import WindowLine


def follow(
    reference: pd.DataFrame, windows: Sequence[pd.DataFrame], config: DriftConfig
) -> tuple[WindowLine, ...]:
    """Run the e-process over windows, one row a person each; it alarms where it reaches 1 / alpha.

    Every window has rows, and its sites are in the reference.
    """
    known, product = reference, 1.0
    lines = list[WindowLine]()
    for number, window in enumerate(windows):
        draw = config.model_copy(update={"seed": config.seed + number})
        found = compare(window, known, draw)
        product *= e_value(found.p_together)
        lines.append(_line(window, found, product))
        known = pd.concat([known, window], ignore_index=True)
    return tuple(lines)


def _line(window: pd.DataFrame, found: Compared, product: float) -> WindowLine:
    times = window["at_s"].dropna()
    strongest = min(found.metrics(), key=lambda metric: metric.p)
    return WindowLine(
        num_people=len(window),
        from_s=float(times.min()) if len(times) else None,
        to_s=float(times.max()) if len(times) else None,
        p=found.p_together,
        e=product,
        strongest=f"{strongest.column}/{strongest.statistic}",
    )
