import math
import re
from collections.abc import Mapping

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from evaluation.gate.decide import decide
from evaluation.gate.decision import Decision
from evaluation.gate.evidence import Candidate
from evaluation.gate.policy import GatePolicy, Rule
from evaluation.measurement import Measurement
from evaluation.uncertainty.intervals import fnmr_estimate

KEY = "fmr_1e-2/fnmr"


def fnmr_of(num_errors: int, num: int, confidence: float = 0.95) -> Measurement:
    """FNMR of `num` people with one genuine pair each."""
    errors = np.arange(num) < num_errors
    found = Measurement.of_rate(fnmr_estimate(errors, np.arange(num), confidence))
    assert found is not None
    return found


def judge(found: Measurement | None, **rule: object) -> Decision:
    values = {"metric": KEY, "direction": "at_most", "bound": 0.1, **rule}
    return decide_on({} if found is None else {KEY: found}, Rule.model_validate(values))


def decide_on(found: Mapping[str, Measurement], *rules: Rule) -> Decision:
    policy = GatePolicy(name="test", description="of the tests", rules=rules)
    return decide(Candidate(found, {"": {"report": "0" * 64}}), None, policy)


rules = st.builds(
    Rule,
    metric=st.sampled_from(["a", "b", "c", "absent"]),
    direction=st.sampled_from(["at_least", "at_most"]),
    bound=st.floats(0, 1),
    use=st.sampled_from(["value", "confidence"]),
    min_n=st.integers(1, 50),
)


@st.composite
def measured(draw: st.DrawFn) -> Measurement:
    num = draw(st.integers(1, 100))
    with_interval = draw(st.booleans())
    found = fnmr_of(draw(st.integers(0, num)), num)
    return found if with_interval else Measurement(value=found.value, n=num)


tables = st.dictionaries(st.sampled_from(["a", "b", "c"]), measured())


def test_a_value_on_the_bound_is_good() -> None:
    assert judge(Measurement(value=0.1, n=5)).verdict == "pass"
    assert judge(Measurement(value=0.1, n=5), direction="at_least").verdict == "pass"
    assert judge(Measurement(value=0.11, n=5)).verdict == "fail"
    assert judge(Measurement(value=0.09, n=5), direction="at_least").verdict == "fail"


@pytest.mark.parametrize(
    ("num_errors", "verdict"), [(0, "pass"), (5, "pass"), (10, "inconclusive"), (40, "fail")]
)
def test_an_interval_passes_fails_or_spans(num_errors: int, verdict: str) -> None:
    # Of 200: 5 errors are 1.1 to 5.7 %, 10 are 2.7 to 9.0 %, 40 are 15 to 26 %.
    found = judge(fnmr_of(num_errors, 200), bound=0.06, use="confidence")
    assert found.verdict == verdict


def test_the_same_holds_for_at_least() -> None:
    tar = fnmr_of(10, 200).complement()
    for bound, verdict in ((0.90, "pass"), (0.94, "inconclusive"), (0.99, "fail")):
        found = judge(tar, bound=bound, use="confidence", direction="at_least")
        assert found.verdict == verdict


def test_a_line_says_everything() -> None:
    (line,) = judge(fnmr_of(10, 200), bound=0.06, use="confidence", min_n=50).lines
    assert (line.metric, line.slice, line.n, line.value) == (KEY, None, 200, 0.05)
    assert (line.low, line.high) == pytest.approx((0.0274, 0.0896), abs=1e-4)
    assert (line.direction, line.bound, line.use) == ("at_most", 0.06, "confidence")
    assert re.fullmatch(r"the interval 0\.027\d+ to 0\.089\d+ spans the bound 0\.06", line.reason)
    # n_eff = 1.96^2 * 0.06 * 0.94 / 0.01^2 = 2166.6, and 200 are there.
    assert line.samples_needed == 1967


def test_a_rule_may_name_a_slice() -> None:
    rule = Rule(metric=KEY, slice="glasses_yes", direction="at_most", bound=0.1)
    found = {"slice/glasses_yes/fmr_1e-2/fnmr": fnmr_of(0, 50), KEY: fnmr_of(50, 50)}
    decision = decide_on(found, rule)
    assert decision.passed
    assert decision.lines[0].slice == "glasses_yes"


def test_missing_is_inconclusive() -> None:
    (line,) = judge(None, min_n=300).lines
    assert line.verdict == "inconclusive"
    assert (line.n, line.value, line.samples_needed) == (None, None, 300)
    assert "was not measured" in line.reason


def test_too_few_is_inconclusive_and_says_how_many_are_missing() -> None:
    perfect = fnmr_of(0, 40)
    (line,) = judge(perfect, min_n=100).lines
    assert (line.verdict, line.samples_needed) == ("inconclusive", 60)
    (line,) = judge(perfect.model_copy(update={"min_n": 70})).lines
    assert (line.verdict, line.samples_needed) == ("inconclusive", 30)


def test_no_interval_where_one_is_asked_for_is_inconclusive() -> None:
    (line,) = judge(Measurement(value=0.0, n=10**6), use="confidence").lines
    assert line.verdict == "inconclusive"
    assert "no interval" in line.reason


@pytest.mark.parametrize(("num_errors", "bound"), [(10, 0.1), (10, 0.1 + 1e-16), (0, 1e-313)])
def test_a_rate_on_the_bound_is_settled_by_no_number(num_errors: int, bound: float) -> None:
    found = fnmr_of(num_errors, 100)
    (line,) = judge(found, bound=bound, use="confidence").lines
    assert (line.verdict, line.samples_needed) == ("inconclusive", None)


def test_samples_grow_with_the_design_effect() -> None:
    errors = np.zeros(400, dtype=bool)
    errors[:20] = True  # all ten photos of two people, of 40
    people = Measurement.of_rate(fnmr_estimate(errors, np.arange(400) // 10))
    assert people is not None
    # n_eff is 40, of 1.96^2 * 0.1 * 0.9 / 0.05^2 = 138.3 needed: 1,383 pairs instead of 400.
    assert people.num_effective == pytest.approx(40)
    (line,) = judge(people, use="confidence").lines
    assert (line.verdict, line.samples_needed) == ("inconclusive", 983)
    # As many pairs of as many people are enough.
    assert judge(fnmr_of(20, 400), use="confidence").passed


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.01, 0.99), st.booleans())
def test_the_samples_asked_for_settle_the_rule(
    num_errors: int, num: int, bound: float, at_most: bool
) -> None:
    num_errors = min(num_errors, num)
    rule = {"bound": bound, "use": "confidence", "direction": "at_most" if at_most else "at_least"}
    (line,) = judge(fnmr_of(num_errors, num), **rule).lines
    if line.samples_needed is None or line.samples_needed > 5000:
        return
    # Whole copies keep the rate what it is.
    copies = math.ceil((num + line.samples_needed + 1) / num)
    more = fnmr_of(num_errors * copies, num * copies)
    assert judge(more, **rule).verdict != "inconclusive"


@settings(deadline=None)
@given(tables, st.lists(rules, min_size=1, max_size=6))
def test_missing_or_thin_data_never_passes(
    found: dict[str, Measurement], some_rules: list[Rule]
) -> None:
    decision = decide_on(found, *some_rules)
    assert len(decision.lines) == len(some_rules)
    for rule, line in zip(some_rules, decision.lines, strict=True):
        if rule.key not in found or found[rule.key].n < rule.min_n:
            assert line.verdict == "inconclusive"
    verdicts = [line.verdict for line in decision.lines]
    assert decision.passed == (set(verdicts) == {"pass"})
    assert (decision.verdict == "fail") == ("fail" in verdicts)


@settings(deadline=None)
@given(tables, st.lists(rules, min_size=1, max_size=5), rules)
def test_another_rule_never_makes_the_verdict_better(
    found: dict[str, Measurement], some_rules: list[Rule], another: Rule
) -> None:
    rank = {"fail": 0, "inconclusive": 1, "pass": 2}
    before = decide_on(found, *some_rules)
    after = decide_on(found, another, *some_rules)
    assert rank[after.verdict] <= rank[before.verdict]
    assert after.lines[1:] == before.lines


@settings(deadline=None)
@given(tables, rules)
def test_losing_a_measurement_never_helps(found: dict[str, Measurement], rule: Rule) -> None:
    less = {key: value for key, value in found.items() if key != rule.key}
    assert decide_on(less, rule).verdict == "inconclusive"
    assert decide_on(found, rule) == decide_on(dict(reversed(found.items())), rule)


@settings(deadline=None)
@given(tables, rules)
def test_the_interval_is_never_easier_to_pass_than_the_value(
    found: dict[str, Measurement], rule: Rule
) -> None:
    by_interval = decide_on(found, rule.model_copy(update={"use": "confidence"}))
    by_value = decide_on(found, rule.model_copy(update={"use": "value"}))
    if by_interval.passed:
        assert by_value.passed
    if by_interval.verdict == "fail":
        assert by_value.verdict == "fail"


def test_a_decision_survives_json() -> None:
    decision = judge(fnmr_of(10, 200), bound=0.06, use="confidence")
    assert Decision.model_validate_json(decision.model_dump_json()) == decision


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rules": []}, "at least 1 item"),
        ({}, "rules"),
        ({"name": "", "rules": []}, "name"),
        ({"rules": [{"metric": KEY, "direction": "at_most"}]}, "either bound or relative_to"),
        (
            {"rules": [{"metric": KEY, "direction": "at_most", "bound": 1, "relative_to": KEY}]},
            "either bound or relative_to",
        ),
        (
            {"rules": [{"metric": KEY, "direction": "at_most", "relative_to": KEY}]},
            "relative_to and factor go together",
        ),
        ({"rules": [{"metric": KEY, "direction": "below", "bound": 1}]}, "direction"),
        ({"rules": [{"metric": "", "direction": "at_most", "bound": 1}]}, "metric"),
        ({"rules": [{"metric": KEY, "direction": "at_most", "bound": math.nan}]}, "finite"),
        ({"rules": [{"metric": KEY, "direction": "at_most", "bound": 1, "weight": 2}]}, "weight"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        GatePolicy.model_validate({"name": "n", "description": "d", **values})


def test_a_measurement_is_a_finite_number() -> None:
    with pytest.raises(ValidationError, match="finite"):
        Measurement(value=math.nan, n=1)


SLICES = {
    "slice/tone_light/fmr_1e-2/fnmr": fnmr_of(10, 400),
    "slice/tone_dark/fmr_1e-2/fnmr": fnmr_of(60, 400),
    "slice/tone_dark-x-gender_x/fmr_1e-2/fnmr": fnmr_of(400, 400),
    "slice/tone_grey/fmr_1e-2/fmr": fnmr_of(0, 400),
    KEY: fnmr_of(800, 20_000),
}


def rule_of(**values: object) -> Rule:
    return Rule.model_validate({"metric": KEY, "direction": "at_most", **values})


def test_a_rule_for_many_slices_makes_a_line_for_each() -> None:
    decision = decide_on(SLICES, rule_of(slice="tone_*", bound=0.1, use="confidence"))
    assert {line.slice: line.verdict for line in decision.lines} == {
        "tone_light": "pass",
        "tone_dark": "fail",
        "tone_grey": "inconclusive",  # it is there, and has no FNMR
    }
    assert decision.verdict == "fail"


def test_a_pattern_that_nothing_fits_is_inconclusive() -> None:
    for rule in (rule_of(slice="hat_*", bound=1), Rule(metric="x/*", direction="at_most", bound=1)):
        (line,) = decide_on(SLICES, rule).lines
        assert line.verdict == "inconclusive"
        assert "was not measured" in line.reason


def test_a_pattern_of_metrics_stays_within_its_step() -> None:
    rule = Rule(metric="slice/tone_*/*/fmr", direction="at_most", bound=0.5)
    assert [line.metric for line in decide_on(SLICES, rule).lines] == [
        "slice/tone_grey/fmr_1e-2/fmr"
    ]
    rule = Rule(metric="slice/*/fmr", direction="at_most", bound=0.5)
    assert decide_on(SLICES, rule).verdict == "inconclusive"


def test_no_group_may_be_much_worse_than_overall() -> None:
    rule = rule_of(slice="tone_*", relative_to=KEY, factor=1.25, use="confidence")
    light, dark = (
        decide_on(SLICES, rule.model_copy(update={"slice": f"tone_{name}"})).lines[0]
        for name in ("light", "dark")
    )
    assert light.verdict == "pass"
    assert light.bound == pytest.approx(0.05)
    assert dark.verdict == "fail"
    assert "0.05 = 1.25 x fmr_1e-2/fnmr" in dark.reason
    less = {key: value for key, value in SLICES.items() if key != KEY}
    assert decide_on(less, rule).verdict == "inconclusive"
    thin = SLICES | {KEY: SLICES[KEY].model_copy(update={"min_n": 10**6})}
    assert decide_on(thin, rule).verdict == "inconclusive"


def test_a_wider_bootstrap_asks_for_more() -> None:
    found = fnmr_of(10, 200)
    wider = found.model_copy(update={"high": 0.05 + 2 * ((found.high or 0) - 0.05)})
    (line,), (more,) = (judge(f, bound=0.06, use="confidence").lines for f in (found, wider))
    assert line.samples_needed is not None
    assert more.samples_needed is not None
    assert (more.samples_needed + 200) == pytest.approx(4 * (line.samples_needed + 200), rel=0.01)


def test_what_does_not_concern_a_model_stays_in_the_decision() -> None:
    policy = GatePolicy(
        name="n",
        description="d",
        rules=(rule_of(bound=0.1), Rule(metric="parity/min", direction="at_least", bound=1)),
    )
    found = Candidate({KEY: fnmr_of(0, 400)}, {})
    decision = decide(found, None, policy, {"parity/": "no checkpoint"})
    assert [line.verdict for line in decision.lines] == ["pass", "not_applicable"]
    assert decision.passed
    nothing = decide(found, None, policy, {"": "nothing concerns it"})
    assert nothing.verdict == "inconclusive"


def test_every_line_says_what_it_rests_on() -> None:
    sources = {
        "": {"report": "1" * 64, "protocol": "2" * 64},
        "protocol/domain/": {"report": "1" * 64, "protocol": "3" * 64},
    }
    found = {KEY: fnmr_of(0, 400), "protocol/domain/fmr": fnmr_of(0, 400)}
    policy = GatePolicy(
        name="n",
        description="d",
        rules=(
            rule_of(bound=0.1),
            Rule(metric="protocol/domain/fmr", direction="at_most", bound=1),
        ),
    )
    decision = decide(Candidate(found, sources), None, policy)
    assert [line.sources["protocol"][0] for line in decision.lines] == ["2", "3"]
    assert decision.policy.digest == policy.digest


def test_the_digest_of_a_policy_is_that_of_what_it_says() -> None:
    policy = GatePolicy(name="n", description="d", rules=(rule_of(bound=0.1),))
    assert policy.digest == GatePolicy.model_validate_json(policy.model_dump_json()).digest
    assert policy.digest != policy.model_copy(update={"rules": (rule_of(bound=0.2),)}).digest
