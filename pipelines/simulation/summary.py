"""A simulated morning in a few lines for people."""

from collections.abc import Iterator, Mapping

from evaluation.measures.quantiles import Quantiles
from evaluation.uncertainty.intervals import RateEstimate
from pipelines.simulation.load_report import LoadReport
from pipelines.simulation.run import SimulationReport


def summary(report: SimulationReport) -> str:
    """Rates with counts and intervals, attempts, refusals, waiting; for a server its latency."""
    return "\n".join(_lines(report))


def _lines(report: SimulationReport) -> Iterator[str]:
    rates = report.rates
    point = f", {report.operating_point}" if report.operating_point else ""
    yield f"{report.world}, seed {report.seed}: {report.system}{point}"
    yield (
        f"{report.num_candidates} on the rolls, {rates.num_absent} absent,"
        f" {rates.num_transactions} transactions, {rates.num_attempts} attempts"
    )
    yield _rate("FRR, with retries", rates.frr)
    yield _rate("FRR, first attempt", rates.first_attempt_frr)
    yield _rate("FAR, with retries", rates.far)
    yield _rate("FAR, first attempt", rates.first_attempt_far)
    for kind, estimate in rates.far_of.items():
        yield _rate(f"  of {kind}", estimate)
    yield _rate("failures to acquire", rates.fta)
    yield f"{'attempts needed':22}{_counts(rates.attempts)}"
    yield f"{'endings':22}{_counts(rates.endings)}"
    yield f"{'refusals':22}{_counts(rates.refusals)}"
    yield _waiting("waited, s", rates.waited_s)
    yield _waiting("queue on arrival", rates.queue_length)
    yield _waiting("door to hall, s", rates.time_to_admit_s)
    if report.load is not None:
        yield from _load(report.load)


def _rate(name: str, found: RateEstimate) -> str:
    if found.rate is None:
        return f"{name:22}not measured, n 0"
    return (
        f"{name:22}{100 * found.rate:.2f} %  ({found.num_errors} of {found.num_comparisons};"
        f" {100 * found.confidence:g} %: {100 * found.low:.2f} to {100 * found.high:.2f} %)"
    )


def _counts(found: Mapping[str, int] | Mapping[int, int]) -> str:
    return "  ".join(f"{name} {count}" for name, count in found.items()) or "none"


def _waiting(name: str, found: Quantiles) -> str:
    return f"{name:22}{_quantiles(found)}  n {found.n}"


def _quantiles(found: Quantiles) -> str:
    values = ((key, getattr(found, key)) for key in ("p50", "p95", "p99", "max"))
    return "  ".join(f"{key} {'-' if value is None else f'{value:.1f}'}" for key, value in values)


def _load(load: LoadReport) -> Iterator[str]:
    yield (
        f"load x{load.config.speedup:g}: {load.num_requests} requests in {load.duration_s:.1f} s,"
        f" {load.offered_per_s:.1f} per second offered (busiest second {load.busiest_second}),"
        f" {load.answered_per_s:.1f} answered"
    )
    yield (
        f"{'':22}{load.num_answered} answered, {load.num_busy} times busy,"
        f" {load.num_late} sent more than {load.config.late_after_ms:g} ms late"
    )
    yield f"{'latency, ms':22}{_quantiles(load.latency_ms)}  n {load.latency_ms.n}"
    yield f"{'  from the sending':22}{_quantiles(load.latency_from_sending_ms)}"
    yield f"{'problems':22}{_counts(load.problems)}"
