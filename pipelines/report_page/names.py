"""Keys of measurements as people say them."""

import re
from typing import Final

from evaluation.groups.slices import CROSSED
from pipelines.report_page.numbers import words

TIMES: Final = "\N{MULTIPLICATION SIGN}"
_SAID: Final = {
    "fmr": "FMR",
    "fnmr": "FNMR",
    "tar": "TAR",
    "auc": "AUC",
    "eer": "EER",
    "cllr": "Cllr",
    "min_cllr": "minimum Cllr",
    "frr": "FRR",
    "far": "FAR",
    "fta": "failure to acquire",
    "tar_at_test_fmr": "TAR, threshold chosen on the test split",
    "fnmr_at_test_fmr": "FNMR, threshold chosen on the test split",
    "fnmr_with_refusals": "FNMR, refusals included",
    "fnmr_rise": "rise of FNMR",
    "failures_to_extract": "photos that gave no template",
    "cosine_min": "least cosine",
    "cosine_mean": "mean cosine",
    "predicted_label_share": "share of predicted labels",
    "garbe": "GARBE",
    "max_over_geomean": "worst group over geometric mean",
    "fmr_difference": "FMR",
    "impostor_fmr": "impostor FMR",
    "impostor_fmr_rise": "rise of impostor FMR",
    "fnmr_difference": "FNMR",
    "worst": "worst group",
    "worst_high": "worst group, upper bound",
    "worst_over_overall": "worst group over all",
}
_PLACES: Final = {
    "failure_modes": "failure mode",
    "champion": "less the champion's",
    "tail_model": "by the tail model",
}
_RATE: Final = re.compile(
    r"(^|_)(fmr|fnmr|tar|frr|far|fta|eer|share|rate|extract|matches|accepted|rise|worst|high|difference|flip_rate|rise|top_\d+)$"
    r"|_at_test_fmr$|with_refusals$"
)
_POINT: Final = re.compile(r"fmr_[\d.]+e-?\d+")


def say_metric(name: str) -> str:
    """The last part of a key in words."""
    return _SAID.get(name, words(name))


def say_key(key: str) -> str:
    """`slice/glasses_yes/fmr_1e-2/fnmr` as `FNMR at fmr_1e-2, slice glasses yes`."""
    *where, metric = key.split("/")
    point = "".join(f" at {part}" for part in where if _POINT.fullmatch(part))
    rest = [
        _PLACES.get(part, words(part))
        for part in where
        if not _POINT.fullmatch(part) and part != "overall"
    ]
    return ", ".join([say_metric(metric) + point, *([" ".join(rest)] if rest else [])])


def say_family(name: str | None) -> str:
    """`gender-x-skin_tone` as `gender x skin tone`."""
    return words(name or "other slices").replace(CROSSED, f" {TIMES} ")


def say_slice(name: str, family: str | None) -> str:
    """A slice without the columns of its family: `gender_feminine` as `feminine`."""
    parts, columns = name.split(CROSSED), (family or "").split(CROSSED)
    if len(parts) != len(columns):
        return words(name)
    kept = (part.removeprefix(f"{column}_") for part, column in zip(parts, columns, strict=True))
    return words(", ".join(kept))


def is_rate(key: str) -> bool:
    """Whether a measurement is a share, and so written in per cent."""
    return _RATE.search(key.rpartition("/")[2]) is not None
