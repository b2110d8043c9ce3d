"""Numbers as people read them: rates in per cent, small ones also as one in so many."""

from typing import Final

from evaluation.measurement import Measurement
from evaluation.uncertainty.intervals import RateEstimate

DASH: Final = "\N{EN DASH}"
MINUS: Final = "\N{MINUS SIGN}"
_SPACE: Final = "\N{NO-BREAK SPACE}"
_SCALES: Final = ((1e9, "billion"), (1e6, "million"))


def percent(rate: float | None) -> str:
    """`0.0857` as `8.57 %`: three figures, two below 1 %, written out down to one in a billion."""
    if rate is None:
        return DASH
    value = 100 * rate
    if abs(value) < 1e-7:
        return f"0{_SPACE}%"
    decimals = (2 if abs(value) >= 0.995 else 1) - _exponent(value)
    return f"{value:.{max(0, decimals)}f}{_SPACE}%".replace("-", MINUS)


def round_percent(rate: float) -> str:
    """A rate that somebody chose, such as a bound or a tick: `0.05` as `5 %`, not `5.00 %`."""
    return (
        f"{float(f'{100 * rate:.6g}'):.8f}".rstrip("0").rstrip(".").replace("-", MINUS)
        + f"{_SPACE}%"
    )


def one_in(rate: float | None) -> str:
    """`0.0086` as `1 in 116`; empty from one in ten on, where per cent is plainer."""
    if rate is None or not 0 < rate < 0.1:
        return ""
    return f"1 in {count(round(1 / rate))}".replace(" ", _SPACE)


def bare_percent(rate: float | None) -> str:
    """`percent` without its sign, where a caption says it."""
    return percent(rate).removesuffix(f"{_SPACE}%")


def interval(low: float | None, high: float | None) -> str:
    """`0.64 to 1.15 %`; a dash where there is none."""
    if low is None or high is None:
        return DASH
    return f"{bare_percent(low)} to {percent(high)}"


def span(low: float | None, high: float | None, *, is_rate: bool) -> str:
    """`interval` of a rate, or of plain numbers."""
    if is_rate or low is None or high is None:
        return interval(low, high)
    return f"{plain(low)} to {plain(high)}"


def count(number: float | None) -> str:
    """`165300` as `165,300`; from a million on `1.65 million`."""
    if number is None:
        return DASH
    for scale, word in _SCALES:
        if abs(number) >= scale:
            return f"{number / scale:.3g} {word}"
    return f"{number:,.0f}"


def sample(number: float | None) -> str:
    """How many comparisons: `n 2,610`, never broken over two lines."""
    return f"n{_SPACE}{count(number)}"


def plain(value: float | None) -> str:
    """A number without a unit, such as an area; close to 1 with more figures."""
    if value is None:
        return DASH
    return f"{value:.{6 if 0.999 <= abs(value) < 1 else 4}g}".replace("-", MINUS)


def short(value: float | None) -> str:
    """A number without a unit with three figures, such as a ratio."""
    return DASH if value is None else f"{value:.3g}".replace("-", MINUS)


def cosine(value: float | None) -> str:
    """A score or threshold with three decimals."""
    return DASH if value is None else f"{value:.3f}".replace("-", MINUS)


def rate_text(found: RateEstimate | Measurement | None) -> str:
    """Value with its interval in one line, for alternative texts and tooltips."""
    if found is None:
        return "not measured"
    value = found.rate if isinstance(found, RateEstimate) else found.value
    return f"{percent(value)} ({interval(found.low, found.high)})"


def seconds(value: float | None) -> str:
    """`95.2` as `95 s`, `312` as `5 min 12 s`."""
    if value is None:
        return DASH
    whole = round(value)
    return f"{value:.3g} s" if value < 120 else f"{whole // 60} min {whole % 60:02d} s"


def words(name: str) -> str:
    """A key such as `same_sunglasses` as words."""
    return name.replace("_", " ")


def _exponent(value: float) -> int:
    return int(f"{abs(value):e}".partition("e")[2])
