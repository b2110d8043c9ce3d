"""The verdict on drift: stable, drift, or inconclusive.

A slice has drifted where its p, over all its metrics together and adjusted for the slices, is at
most alpha. It is stable where it has not and a relevant shift would have been found; a window, or a
reference, too small for that is inconclusive. For n people against m, the shift of a mean that a
test at level a finds with power b is about

    (z(1 - a / 2) + z(b)) sqrt(1 / n + 1 / m)   standard deviations.

Where there are several successive windows, half of alpha goes to the slices of the last one and
half to the e-process over all of them.
"""

import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist

import pandas as pd

from evaluation.drift.compare import compare, knows_sites
from evaluation.drift.config import DriftConfig
from evaluation.drift.report import DriftReport, DriftVerdict, SliceDrift, WindowLine
from evaluation.drift.sequence import follow
from evaluation.drift.summary import summarise, summarise_names, watched, watched_numbers
from evaluation.drift.window import first_of_each_person
from evaluation.errors import DriftError
from evaluation.uncertainty.holm import holm

ALL = "all"


def judge_drift(
    reference: pd.DataFrame, windows: Sequence[pd.DataFrame], config: DriftConfig
) -> DriftReport:
    """Judge the last of successive windows by slice, and all of them in sequence.

    Windows are checked tables of `WINDOW_SCHEMA`; the first row of every person counts. Raises
    `DriftError` where there is no window, or nothing in it that can be compared.
    """
    if not windows:
        raise DriftError("no current window; give one or more")
    reference = first_of_each_person(reference)
    people = [first_of_each_person(window) for window in windows]
    unknown = _unknown_sites(people[-1], reference)
    known = [_at_known_sites(window, reference) for window in people]
    alpha = config.alpha / 2 if len(windows) > 1 else config.alpha
    slices = _judge_slices(known[-1], reference, config, alpha)
    lines = follow(reference, [one for one in known if len(one)], config) if len(known) > 1 else ()
    reasons = tuple(_reasons(slices, lines, unknown, alpha))
    return DriftReport(
        verdict=_verdict(slices, lines, unknown, alpha),
        reasons=reasons,
        config=config,
        alpha_of_slices=alpha,
        alpha_of_sequence=alpha if len(windows) > 1 else None,
        site_mix="held" if knows_sites(reference) else "unknown",
        unknown_sites=unknown,
        slices=slices,
        windows=lines,
    )


def parts_of(
    current: pd.DataFrame, reference: pd.DataFrame, config: DriftConfig
) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Yield `all` and every slice, such as `site=north`, with its rows on both sides."""
    yield ALL, current, reference
    for column in config.slice_columns:
        for value in sorted(current[column].dropna().unique()):
            there = reference[reference[column] == value]
            if reference[column].notna().any():
                yield f"{column}={value}", current[current[column] == value], there


def _judge_slices(
    current: pd.DataFrame, reference: pd.DataFrame, config: DriftConfig, alpha: float
) -> dict[str, SliceDrift]:
    parts = {name: (here, there) for name, here, there in parts_of(current, reference, config)}
    tested = [name for name, sides in parts.items() if min(map(len, sides)) >= config.min_rows]
    found = {
        name: _slice(*sides, config, alpha / max(1, len(tested)))
        if name in tested
        else _too_small(*sides, config)
        for name, sides in parts.items()
    }
    adjusted = holm({name: found[name].p or 0.0 for name in tested})
    for name, p in adjusted.items():
        found[name] = _decided(found[name], p, alpha, config)
    return found


def _slice(
    current: pd.DataFrame, reference: pd.DataFrame, config: DriftConfig, alpha: float
) -> SliceDrift:
    """A tested slice; its verdict waits for the other slices."""
    compared = compare(current, reference, config)
    num_effective = compared.pool.num_effective
    return SliceDrift(
        verdict="inconclusive",
        reason="",
        num_current=len(current),
        num_reference=compared.num_reference,
        num_reference_effective=num_effective,
        p=compared.p_together,
        detectable_shift_sd=_factor(config, alpha)
        * math.sqrt(1 / len(current) + 1 / num_effective),
        people_needed=_people_needed(config, alpha, num_effective),
        metrics=compared.metrics(),
        columns={
            name: summarise(_column(current, name), _column(reference, name))
            for name in watched_numbers(config, current, reference)
        },
        categories={
            name: summarise_names(_column(current, name), _column(reference, name))
            for name in watched(config.categories, current, reference)
        },
    )


def _decided(found: SliceDrift, p_holm: float, alpha: float, config: DriftConfig) -> SliceDrift:
    verdict, reason = _decide(found, p_holm, alpha, config)
    return found.model_copy(update={"p_holm": p_holm, "verdict": verdict, "reason": reason})


def _decide(
    found: SliceDrift, p_holm: float, alpha: float, config: DriftConfig
) -> tuple[DriftVerdict, str]:
    if p_holm <= alpha:
        first = min(found.metrics, key=lambda one: (one.p, -one.value / (one.null_mean or 1)))
        where = f"{first.column}/{first.statistic} {first.value:.4g}"
        return "drift", f"p {p_holm:.4g}; {where}, without drift {first.null_mean:.4g}"
    detectable = found.detectable_shift_sd or math.inf
    if detectable <= config.relevant_shift_sd:
        return "stable", f"p {p_holm:.4g}; a shift of {detectable:.2f} sd would have been found"
    enough = found.people_needed
    remedy = "take a larger reference" if enough is None else f"wait for {enough} people"
    return (
        "inconclusive",
        f"p {p_holm:.4g}; only from {detectable:.2f} sd on a shift shows; {remedy}",
    )


def _too_small(current: pd.DataFrame, reference: pd.DataFrame, config: DriftConfig) -> SliceDrift:
    return SliceDrift(
        verdict="inconclusive",
        reason=f"{len(current)} people against {len(reference)}; {config.min_rows} are the least",
        num_current=len(current),
        num_reference=len(reference),
        num_reference_effective=len(reference),
    )


def _factor(config: DriftConfig, alpha: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(config.power)


def _people_needed(config: DriftConfig, alpha: float, num_effective: float) -> int | None:
    left = (config.relevant_shift_sd / _factor(config, alpha)) ** 2 - 1 / num_effective
    return math.ceil(1 / left) if left > 0 else None


def _verdict(
    slices: dict[str, SliceDrift],
    lines: Sequence[WindowLine],
    unknown: tuple[str, ...],
    alpha: float,
) -> DriftVerdict:
    verdicts = [part.verdict for part in slices.values()]
    if "drift" in verdicts or _alarm(lines, alpha) is not None:
        return "drift"
    return "stable" if slices[ALL].verdict == "stable" and not unknown else "inconclusive"


def _alarm(lines: Sequence[WindowLine], alpha: float) -> int | None:
    """Number of the window, counted from 0, at which the e-process reached 1 / alpha."""
    return next((number for number, line in enumerate(lines) if line.e >= 1 / alpha), None)


def _reasons(
    slices: dict[str, SliceDrift],
    lines: Sequence[WindowLine],
    unknown: tuple[str, ...],
    alpha: float,
) -> Iterator[str]:
    for name, part in slices.items():
        if part.verdict == "drift" or name == ALL:
            yield f"{name}: {part.verdict}; {part.reason}"
    if (number := _alarm(lines, alpha)) is not None:
        line = lines[number]
        by = f"by {line.strongest}"
        yield f"e {line.e:.4g} reached {1 / alpha:g} at window {number + 1}, {by}"
    if unknown:
        yield f"sites without a reference: {', '.join(unknown)}"


def _unknown_sites(current: pd.DataFrame, reference: pd.DataFrame) -> tuple[str, ...]:
    lost = current[~_is_known(current, reference)]
    return tuple(sorted(lost["site"].fillna("missing").unique()))


def _at_known_sites(current: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    return current[_is_known(current, reference)].reset_index(drop=True)


def _is_known(current: pd.DataFrame, reference: pd.DataFrame) -> "pd.Series[bool]":
    if not knows_sites(reference):
        return pd.Series(True, index=current.index)
    return current["site"].isin(reference["site"].unique())


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    return table.get(name, pd.Series(None, index=table.index, dtype=object))
