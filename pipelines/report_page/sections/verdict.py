"""The top of the page: the verdict in a sentence, and the few figures that everybody asks for."""

from collections.abc import Iterator, Sequence

from evaluation.gate.decision import Decision, RuleLine
from evaluation.uncertainty.intervals import RateEstimate
from pipelines.report_page.blocks import Figure, Headline
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.numbers import cosine, count, interval, one_in, percent, round_percent
from pipelines.report_page.sections.why import TONES, WORDS


def headline(inputs: Inputs) -> Headline:
    """The verdict with its sentence, and the rates at the default operating point."""
    verdict = TONES[inputs.decision.verdict]
    release = inputs.release
    subtitle = "not sealed" if release is None else f"{release.architecture}, {release.source}"
    return Headline(
        verdict=verdict,
        word=WORDS[verdict],
        sentence=sentence(inputs.decision),
        model="Candidate" if release is None else release.name,
        subtitle=f"Policy {inputs.decision.policy.name}. {subtitle}",
        figures=tuple(_figures(inputs)),
    )


def sentence(decision: Decision) -> str:
    """The verdict in one or two sentences."""
    found = [line.verdict for line in decision.lines]
    num = len(found) - found.count("not_applicable")
    broken, undecided = found.count("fail"), found.count("inconclusive")
    if decision.verdict == "pass":
        return f"All {num} rules are met. The bundle may be registered."
    if decision.verdict == "fail":
        more = f", and {undecided} cannot be decided on this data" if undecided else ""
        are = "is" if broken == 1 else "are"
        return f"{broken} of {num} rules {are} broken{more}. The bundle may not be registered."
    return (
        f"No rule is broken, but {undecided} of {num} cannot be decided on this data, and what is"
        f" not shown is not passed. The bundle may not be registered.{_ask(decision.lines)}"
    )


def _ask(lines: Sequence[RuleLine]) -> str:
    needed = [line.samples_needed for line in lines if line.samples_needed]
    if not needed:
        return ""
    return f" About {count(max(needed))} more comparisons would settle the slowest of them."


def _figures(inputs: Inputs) -> Iterator[Figure]:
    report = inputs.report
    point = report.points[report.default_operating_point]
    yield _figure("Strangers let in (FMR)", point.rates.fmr)
    yield _figure("Candidates turned away (FNMR)", point.rates.fnmr)
    people = report.population
    yield Figure(
        "Tested on",
        f"{count(people.num_subjects)} people",
        f"{count(people.num_photos)} photos, {count(people.num_genuine_pairs)} genuine and"
        f" {count(people.num_impostor_pairs)} impostor comparisons",
    )
    frozen = point.operating_point
    yield Figure(
        "Threshold",
        cosine(frozen.threshold),
        f"{report.default_operating_point}, frozen on the calibration split for FMR"
        f" {round_percent(frozen.target_fmr)}",
    )


def _figure(label: str, rate: RateEstimate) -> Figure:
    spoken = one_in(rate.rate)
    between = f"{round_percent(rate.confidence)} interval {interval(rate.low, rate.high)}"
    return Figure(label, percent(rate.rate), f"{spoken}\n{between}" if spoken else between)
