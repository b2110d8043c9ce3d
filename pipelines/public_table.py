"""Print-out of a published protocol: our figures, and the published ones beside."""

from collections.abc import Iterator

from evaluation.suites.public_protocols import (
    FigureComparison,
    GroupSpread,
    PublicProtocolReport,
    VerificationReport,
)


def table_lines(report: PublicProtocolReport) -> Iterator[str]:
    """A line for each set, then TARs, groups and published figures."""
    yield f"{report.bundle_name} {report.bundle_digest[:12]}, {report.faces}"
    yield f"{'set':24} {'pairs':>10} {'failed':>6} {'accuracy %':>16} {'on grid %':>9} {'EER %':>7}"
    for name, found in report.sets.items():
        yield _set_line(name, found)
    for name, found in report.sets.items():
        yield f"TAR at FMR, {name}: {_tar_text(found)}"
    for name, spread in report.spread.items():
        yield f"groups, {name}: {_spread_text(spread)}"
    for one in report.published:
        yield _published_line(one)


def _spread_text(spread: GroupSpread) -> str:
    ratio = spread.skewed_error_ratio
    return (
        f"mean {100 * spread.mean_accuracy:.2f}, std {100 * spread.std_accuracy:.2f}, range"
        f" {100 * spread.range_accuracy:.2f} %,"
        f" error ratio {'-' if ratio is None else f'{ratio:.2f}'}"
    )


def _published_line(found: FigureComparison) -> str:
    figure = found.figure
    how = f"{figure.definition}{', mirrored' if figure.mirrored else ''}"
    return (
        f"published, {figure.set}: {figure.percent} % ({how}); ours {100 * found.ours:.3f} %, by"
        f" {found.pairs_apart:+.0f} pairs; {'agrees' if found.agrees else 'differs'}"
        f" [{figure.source}]"
    )


def _set_line(name: str, found: VerificationReport) -> str:
    num = found.num_genuine_pairs + found.num_impostor_pairs
    fold, grid = found.accuracy, found.accuracy_on_grid
    accuracy = "-" if fold is None else f"{100 * fold.mean:.2f} +- {100 * fold.std:.2f}"
    on_grid = "-" if grid is None else f"{100 * grid.mean:.2f}"
    return (
        f"{name:24} {num:>10,} {found.num_failures_to_extract:>6} {accuracy:>16} {on_grid:>9}"
        f" {100 * found.eer:>7.3f}"
    )


def _tar_text(found: VerificationReport) -> str:
    return "; ".join(
        f"{tar.target_fmr:g}: {100 * (1 - (tar.fnmr.rate or 0)):.2f}"
        f" ({100 * (1 - tar.fnmr.high):.2f} to {100 * (1 - tar.fnmr.low):.2f})"
        for tar in found.tars
    )
