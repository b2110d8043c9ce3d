import math
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from evaluation.gate import Decision, GatePolicy, Rule, decide
from evaluation.intervals import fnmr_estimate
from evaluation.measurement import Measurement

KEY = "fmr_1e-2/fnmr"


def fnmr_of(num_errors: int, num: int, confidence: float = 0.95) -> Measurement:
    """FNMR of `num` people with one genuine pair each."""
    errors = np.arange(num) < num_errors
    found = Measurement.of_rate(fnmr_estimate(errors, np.arange(num), confidence))
    assert found is not None
    return found


def judge(found: Measurement | None, **rule: object) -> Decision:
    values = {"metric": KEY, "direction": "at_most", "bound": 0.1, **rule}
    policy = GatePolicy.model_validate({"rules": [values]})
    return decide({} if found is None else {KEY: found}, policy)


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
    decision = decide(found, GatePolicy(rules=(rule,)))
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
    decision = decide(found, GatePolicy(rules=tuple(some_rules)))
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
    before = decide(found, GatePolicy(rules=tuple(some_rules)))
    after = decide(found, GatePolicy(rules=(another, *some_rules)))
    assert rank[after.verdict] <= rank[before.verdict]
    assert after.lines[1:] == before.lines


@settings(deadline=None)
@given(tables, rules)
def test_losing_a_measurement_never_helps(found: dict[str, Measurement], rule: Rule) -> None:
    policy = GatePolicy(rules=(rule,))
    less = {key: value for key, value in found.items() if key != rule.key}
    assert decide(less, policy).verdict == "inconclusive"
    assert decide(found, policy) == decide(dict(reversed(found.items())), policy)


@settings(deadline=None)
@given(tables, rules)
def test_the_interval_is_never_easier_to_pass_than_the_value(
    found: dict[str, Measurement], rule: Rule
) -> None:
    by_interval = decide(found, GatePolicy(rules=(rule.model_copy(update={"use": "confidence"}),)))
    by_value = decide(found, GatePolicy(rules=(rule.model_copy(update={"use": "value"}),)))
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
        ({"rules": [{"metric": KEY, "direction": "at_most"}]}, "bound"),
        ({"rules": [{"metric": KEY, "direction": "below", "bound": 1}]}, "direction"),
        ({"rules": [{"metric": "", "direction": "at_most", "bound": 1}]}, "metric"),
        ({"rules": [{"metric": KEY, "direction": "at_most", "bound": math.nan}]}, "finite"),
        ({"rules": [{"metric": KEY, "direction": "at_most", "bound": 1, "weight": 2}]}, "weight"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        GatePolicy.model_validate(values)


def test_a_measurement_is_a_finite_number() -> None:
    with pytest.raises(ValidationError, match="finite"):
        Measurement(value=math.nan, n=1)
