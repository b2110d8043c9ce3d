"""Every Prometheus metric of the drift report, by name; dashboards and alerts are held to these."""

from typing import Final

STATISTIC: Final = "examgate_drift_statistic"
"""Distance of the last window from the reference, by slice, column and statistic."""
NULL_MEAN: Final = "examgate_drift_null_mean"
"""What the same distance is on average when nothing drifts, at this size and site mix."""
P_VALUE: Final = "examgate_drift_p_value"
"""p of one distance alone, by slice, column and statistic; not to alarm on, there are many."""
SLICE_P_VALUE: Final = "examgate_drift_slice_p_value"
"""p of all distances of a slice together, adjusted for the slices; absent where not tested."""
PEOPLE: Final = "examgate_drift_people"
"""People behind a slice, by slice and by window (current, reference)."""
VERDICT: Final = "examgate_drift_verdict"
"""1 for the verdict that holds (stable, drift, inconclusive), 0 for the others; by slice, and
under slice="" for all in all. Alarm on drift; an alarm on inconclusive is a matter of patience."""
E_VALUE: Final = "examgate_drift_e_value"
"""Evidence against no drift over the successive windows; absent with one window."""
LAST_SUCCESS: Final = "examgate_drift_last_success_timestamp_seconds"
"""When the job last ended well, in Unix time; alarm when it is old."""

DRIFT_METRIC_NAMES: Final = (
    STATISTIC,
    NULL_MEAN,
    P_VALUE,
    SLICE_P_VALUE,
    PEOPLE,
    VERDICT,
    E_VALUE,
    LAST_SUCCESS,
)
