"""Every rule of the policy with what became of it, those that decide first."""

from collections.abc import Iterator, Sequence
from typing import Final

from markupsafe import Markup

from evaluation.gate.decision import RuleLine
from pipelines.report_page.blocks import (
    Block,
    Cell,
    Head,
    Note,
    Row,
    RuleItem,
    Rules,
    Section,
    Table,
    Tone,
)
from pipelines.report_page.charts.bars import Span, interval_bar, shared_scale, wide_scale
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.names import TIMES, is_rate, say_key, say_slice
from pipelines.report_page.numbers import (
    DASH,
    count,
    percent,
    plain,
    round_percent,
    sample,
    span,
)

WORDS: Final[dict[Tone, str]] = {
    "fail": "Fail",
    "inconclusive": "Inconclusive",
    "pass": "Pass",
    "muted": "Not applicable",
}
TONES: Final[dict[str, Tone]] = {
    "fail": "fail",
    "inconclusive": "inconclusive",
    "pass": "pass",
    "not_applicable": "muted",
}
_ORDER: Final = tuple(TONES)
_SPACE: Final = "\N{NO-BREAK SPACE}"


def why(inputs: Inputs) -> Section:
    """Every rule of the policy, broken and undecided ones first."""
    decision = inputs.decision
    lines = sorted(decision.lines, key=lambda line: _ORDER.index(line.verdict))
    deciding = [line for line in lines if line.verdict in ("fail", "inconclusive")]
    rest = [line for line in lines if line not in deciding]
    blocks: list[Block] = [Rules([_rule(line) for line in deciding])] if deciding else []
    blocks += [_kept(rest)] if rest else []
    blocks.append(Note(f"{decision.policy.name}: {decision.policy.description}", "muted"))
    return Section(
        "why",
        "Why",
        "Each rule of the policy, broken and undecided ones first. The dot is the measured value,"
        " the bar its interval, the upright line the bound. A rule on an interval passes only if"
        " the whole interval keeps the bound.",
        blocks,
    )


def _rule(line: RuleLine) -> RuleItem:
    tone = TONES[line.verdict]
    return RuleItem(
        verdict=tone,
        word=WORDS[tone],
        title=_title(line),
        reason=_reason(line),
        facts=" · ".join(_facts(line)),
        drawing=_bar(line),
    )


def _reason(line: RuleLine) -> str:
    """What the figures do not say by themselves."""
    if line.verdict == "fail":
        return "Even the better end breaks the bound." if line.use == "confidence" else ""
    first = line.reason.partition(" ")[0]
    begin = first if "/" in first else first.capitalize()  # a key is written as it is
    return f"{begin}{line.reason.removeprefix(first)}."


def _kept(lines: Sequence[RuleLine]) -> Table:
    heads = (
        Head("Rule"),
        Head("Verdict"),
        Head("Measured", number=True),
        Head("Bound", number=True),
        Head("n", number=True),
        Head("Margin to the bound"),
    )
    return Table("Rules that are met, or do not apply", heads, [_kept_row(line) for line in lines])


def _kept_row(line: RuleLine) -> Row:
    tone = TONES[line.verdict]
    drawing = _bar(line)
    ends = "" if line.low is None else span(line.low, line.high, is_rate=_is_rate(line))
    return Row(
        [
            Cell(_title(line), note=line.reason if tone == "muted" else ""),
            Cell(WORDS[tone], tone, badge=True),
            Cell(_write(line, line.value), number=True, note=ends),
            Cell(_bound(line) or DASH, number=True),
            Cell(count(line.n), number=True),
            Cell(
                "" if drawing is None else f"measured {_write(line, line.value)}", drawing=drawing
            ),
        ]
    )


def _title(line: RuleLine) -> str:
    title = say_key(line.metric)
    title += f", {say_slice(line.slice, None)}" if line.slice is not None else ""
    return title


def _facts(line: RuleLine) -> Iterator[str]:
    if line.value is not None:
        yield f"measured {_write(line, line.value)}"
    if line.low is not None and line.high is not None:
        yield f"interval {span(line.low, line.high, is_rate=_is_rate(line))}"
    if bound := _bound(line):
        yield f"must be {bound}"
    yield sample(line.n)
    if line.samples_needed is not None:
        yield f"about {count(line.samples_needed)} more comparisons needed"


def _bound(line: RuleLine) -> str:
    of = f" ({line.factor:g} {TIMES} {say_key(line.relative_to)})" if line.relative_to else ""
    if line.bound is None:
        return of.strip()
    write = plain if not _is_rate(line) else percent if line.relative_to else round_percent
    limit = f"{line.direction.replace('_', ' ')} {write(line.bound)}".replace(" ", _SPACE)
    return f"{limit}{of}"


def _write(line: RuleLine, value: float | None) -> str:
    return percent(value) if _is_rate(line) else plain(value)


def _is_rate(line: RuleLine) -> bool:
    return is_rate(line.metric)


def _bar(line: RuleLine) -> Markup | None:
    if line.value is None:
        return None
    found, tone = Span(line.value, line.low, line.high), TONES[line.verdict]
    bounds = () if line.bound is None else (line.bound,)
    from_zero = line.direction == "at_most"
    scale = (shared_scale if from_zero else wide_scale)([found], *bounds)
    told = f"{_write(line, line.value)}, {_bound(line)}"
    return interval_bar(found, scale, tone, line.bound, told)
