"""What a failure mode may be judged by; `evaluation.suites.failure_modes` computes them."""

from typing import Literal

FailureMetric = Literal["fnmr", "fmr", "fnmr_rise", "fnmr_with_refusals", "refused_share"]
"""All at the default operating point, all good where they are low.

fnmr                people refused by the matcher, of comparisons that the quality gate let through
fmr                 strangers taken for one person, of the same comparisons
fnmr_rise           fnmr minus that of the same comparisons undegraded: harm that the gate missed
fnmr_with_refusals  people who do not get in, whether matcher or quality gate refused them
refused_share       photos that the quality gate, or the detector, refused
"""
