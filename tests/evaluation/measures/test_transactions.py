"""Transaction rates against a morning counted by hand, and real sequences against (1-p)^k."""

import numpy as np
import pandas as pd
import pytest

from evaluation.measures.transactions import transaction_rates

Row = tuple[str, str, str, str | None, list[str], str]
# transaction, kind, claimed, presented, outcomes of the attempts, ending
_MORNING: tuple[Row, ...] = (
    ("a", "genuine", "1", "1", ["match"], "admitted"),
    ("b", "genuine", "2", "2", ["non_match", "match"], "admitted"),
    ("c", "genuine", "3", "3", ["refused", "non_match", "non_match"], "desk"),
    ("d", "genuine", "3", "3", ["match"], "admitted"),
    ("e", "impostor", "4", "9", ["non_match", "non_match", "match"], "admitted"),
    ("f", "impostor", "5", "9", ["non_match"], "gave_up"),
    ("g", "look_alike", "6", "7", ["match"], "admitted"),
    ("h", "absent", "8", None, [], "absent"),
)


def _tables(
    morning: tuple[Row, ...],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    transactions = pd.DataFrame(
        [
            {
                "transaction_id": name,
                "kind": kind,
                "claimed_subject_id": claimed,
                "presented_subject_id": presented,
                "num_attempts": len(outcomes),
                "ending": ending,
                "waited_s": 10.0 * number,
                "queue_length": number,
                "time_to_admit_s": 60.0 if kind == "genuine" else None,
            }
            for number, (name, kind, claimed, presented, outcomes, ending) in enumerate(morning)
        ]
    )
    attempts = pd.DataFrame(
        [
            {
                "transaction_id": name,
                "kind": kind,
                "claimed_subject_id": claimed,
                "attempt": attempt,
                "outcome": outcome,
                "reason": "no_face" if outcome == "refused" else None,
            }
            for name, kind, claimed, _, outcomes, _ in morning
            for attempt, outcome in enumerate(outcomes, start=1)
        ]
    )
    return transactions, attempts


def test_a_morning_counted_by_hand() -> None:
    found = transaction_rates(*_tables(_MORNING), confidence=0.9)
    assert (found.frr.num_errors, found.frr.num_comparisons, found.frr.num_subjects) == (1, 4, 3)
    assert found.first_attempt_frr.num_errors == 2
    assert (found.far.num_errors, found.far.num_comparisons) == (2, 3)
    assert found.first_attempt_far.num_errors == 1
    assert found.far_of["impostor"].rate == 0.5
    assert found.far_of["look_alike"].rate == 1.0
    assert found.far_of["mix_up"].rate is None
    assert (found.fta.num_errors, found.fta.num_comparisons) == (1, 7)
    assert (found.num_transactions, found.num_absent, found.num_attempts) == (7, 1, 12)
    assert found.attempts == {1: 4, 2: 1, 3: 2}
    assert found.endings == {"admitted": 5, "desk": 1, "gave_up": 1}
    assert found.refusals == {"no_face": 1}
    assert (found.waited_s.p50, found.waited_s.max, found.waited_s.n) == (30.0, 60.0, 7)
    assert found.time_to_admit_s.n == 4
    assert found.frr.confidence == 0.9


def test_nobody_at_all_is_not_measured_and_no_error() -> None:
    transactions, attempts = _tables(_MORNING)
    found = transaction_rates(transactions.iloc[7:], attempts.iloc[:0])
    assert found.frr.rate is None
    assert found.far.rate is None
    assert found.waited_s.p95 is None
    assert (found.num_transactions, found.num_absent) == (0, 1)


def test_retries_of_one_person_are_not_independent_trials() -> None:
    """Half of the people always fail and half never do: FRR stays 0.5, where (1-p)^3 says 0.125."""
    people = tuple(
        (f"t{n}", "genuine", str(n), str(n), outcomes, "desk" if n % 2 else "admitted")
        for n in range(200)
        for outcomes in [["non_match"] * 3 if n % 2 else ["match"]]
    )
    found = transaction_rates(*_tables(people))
    assert found.frr.rate == found.first_attempt_frr.rate == 0.5
    assert found.frr.low > 0.5**3


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_a_person_on_several_rolls_knows_no_more_than_once(share: float) -> None:
    rng = np.random.default_rng(1)
    fails = rng.random(150) < share

    def interval(copies: int) -> float:
        ends = {True: (["non_match"], "desk"), False: (["match"], "admitted")}
        people = tuple(
            (f"t{n}-{c}", "genuine", str(n), str(n), *ends[bool(fail)])
            for n, fail in enumerate(fails)
            for c in range(copies)
        )
        found = transaction_rates(*_tables(people)).frr
        return found.high - found.low

    assert interval(4) == pytest.approx(interval(1), rel=0.05)
