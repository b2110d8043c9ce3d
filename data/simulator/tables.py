"""What came of a morning, as two tables: one row an attempt, one row a transaction.

A transaction is all that happens between one candidate and the gate: up to `max_attempts` attempts
for one claim (ISO/IEC 19795-1). The proctor's desk is part of the waiting, not of the decision.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pandera.pandas as pa

from data.files import whole_file
from data.manifest import validate
from data.simulator.claims import CLAIM_KINDS
from data.simulator.gates import ENDINGS, OUTCOMES, DecidedAttempt
from data.simulator.morning import Candidate, Morning

_CLAIM: Final = {
    "transaction_id": pa.Column(str),
    "session": pa.Column(str),
    "gate": pa.Column(str),
    "kind": pa.Column(str, pa.Check.isin(CLAIM_KINDS)),
    "claimed_subject_id": pa.Column(str),
    "presented_subject_id": pa.Column(str, nullable=True),
    "relation": pa.Column(str, nullable=True),
}
_FLAGS: Final = ("glasses", "mask", "scarf", "cap", "hand", "walking", "looks_straight")
_MEASURES: Final = ("yaw_deg", "pitch_deg", "roll_deg", "eye_distance_px", "exposure_ev")
_MORE_MEASURES: Final = ("backlight_ev", "noise_sd", "defocus_px", "motion_px")
_ON_OR_AFTER: Final = pa.Check.ge(0)


def _given(table: pd.DataFrame, column: str) -> pd.Series:
    """Where a column has a value; `validate` leaves out columns that are null all over."""
    return table[column].notna() if column in table else pd.Series(False, index=table.index)


ATTEMPT_SCHEMA: Final = pa.DataFrameSchema(
    {
        **_CLAIM,
        "attempt": pa.Column(int, pa.Check.ge(1)),
        "at_s": pa.Column(float, _ON_OR_AFTER),
        "decided_s": pa.Column(float, _ON_OR_AFTER),
        "outcome": pa.Column(str, pa.Check.isin(OUTCOMES)),
        "reason": pa.Column(str, nullable=True),
        "similarity": pa.Column(float, pa.Check.in_range(-1, 1), nullable=True),
        **{name: pa.Column(bool) for name in _FLAGS},
        "distance_cm": pa.Column(float, pa.Check.gt(0)),
        "face_lux": pa.Column(float, pa.Check.gt(0)),
        "background_lux": pa.Column(float, pa.Check.gt(0)),
        **{name: pa.Column(float) for name in (*_MEASURES, *_MORE_MEASURES)},
    },
    strict=True,
    coerce=True,
    unique=["transaction_id", "attempt"],
    checks=[
        pa.Check(
            lambda table: (table["outcome"] == "refused") == _given(table, "reason"),
            error="an attempt has a reason exactly where it was refused",
        ),
    ],
)
TRANSACTION_SCHEMA: Final = pa.DataFrameSchema(
    {
        **_CLAIM,
        "transaction_id": pa.Column(str, unique=True),
        "arrived_s": pa.Column(float, _ON_OR_AFTER),
        "queue_length": pa.Column(int, _ON_OR_AFTER),
        "called_s": pa.Column(float, _ON_OR_AFTER, nullable=True),
        "waited_s": pa.Column(float, _ON_OR_AFTER, nullable=True),
        "decided_s": pa.Column(float, _ON_OR_AFTER, nullable=True),
        "num_attempts": pa.Column(int, _ON_OR_AFTER),
        "ending": pa.Column(str, pa.Check.isin((*ENDINGS, "absent"))),
        "last_reason": pa.Column(str, nullable=True),
        "desk_done_s": pa.Column(float, _ON_OR_AFTER, nullable=True),
        "time_to_admit_s": pa.Column(float, _ON_OR_AFTER, nullable=True),
    },
    strict=True,
    coerce=True,
    checks=[
        pa.Check(
            lambda table: (table["ending"] == "absent") == (table["num_attempts"] == 0),
            error="a transaction has attempts exactly where somebody came",
        ),
        pa.Check(
            lambda table: (table["kind"] != "absent") == _given(table, "presented_subject_id"),
            error="a face is shown exactly where somebody came",
        ),
    ],
)


def attempts_table(decided: Iterable[DecidedAttempt]) -> pd.DataFrame:
    """One row an attempt (`ATTEMPT_SCHEMA`), in the order given."""
    columns = list(ATTEMPT_SCHEMA.columns)
    rows = [_attempt_row(one) for one in decided]
    return validate(pd.DataFrame(rows, columns=columns), ATTEMPT_SCHEMA, "attempts")


def transactions_table(morning: Morning, decided: Sequence[DecidedAttempt]) -> pd.DataFrame:
    """One row for each line of the rolls (`TRANSACTION_SCHEMA`), by arrival; the absent included.

    `queue_length` is how many stood before the candidate on arrival. `time_to_admit_s` runs from
    the door into the hall, by way of the desk where need be; it is null for a claim that is false.
    Raises `ManifestError` where somebody who came has no decision.
    """
    attempts: dict[str, list[DecidedAttempt]] = defaultdict(list)
    for one in decided:
        attempts[one.attempt.candidate.transaction_id].append(one)
    desk_s = _desk_times_s(morning, decided)
    rows = [
        _transaction_row(c, attempts[c.transaction_id], desk_s.get(c.transaction_id))
        for c in morning.candidates
    ]
    table = pd.DataFrame(rows, columns=list(TRANSACTION_SCHEMA.columns))
    table["queue_length"] = _queue_lengths(table)
    return validate(table, TRANSACTION_SCHEMA, "transactions")


def write_table(table: pd.DataFrame, path: Path, schema: pa.DataFrameSchema) -> None:
    """Validate and write one of the two tables as Parquet, whole or not at all."""
    table = validate(table, schema, str(path))
    with whole_file(path) as partial:
        table.to_parquet(partial, index=False)


def _claim_columns(candidate: Candidate) -> dict[str, Any]:
    return {
        "transaction_id": candidate.transaction_id,
        "session": candidate.session,
        "gate": candidate.gate,
        **asdict(candidate.claim),
    }


def _attempt_row(one: DecidedAttempt) -> dict[str, Any]:
    conditions = one.attempt.conditions
    return {
        **_claim_columns(one.attempt.candidate),
        "attempt": one.attempt.number,
        "at_s": one.attempt.at_s,
        "decided_s": one.decided_s,
        "outcome": one.decision.outcome,
        "reason": one.decision.reason,
        "similarity": one.decision.similarity,
        **{name: getattr(conditions.stance, name) for name in (*_FLAGS, "distance_cm")},
        "face_lux": conditions.light.face_lux,
        "background_lux": conditions.light.background_lux,
        **{name: getattr(conditions, name) for name in (*_MEASURES, *_MORE_MEASURES)},
    }


def _transaction_row(
    candidate: Candidate, attempts: list[DecidedAttempt], desk_done_s: float | None
) -> dict[str, Any]:
    row: dict[str, Any] = {
        **_claim_columns(candidate),
        "arrived_s": candidate.arrived_s,
        "num_attempts": len(attempts),
        "ending": "absent",
    }
    if not attempts:
        return row
    last = attempts[-1]
    done_s = desk_done_s if last.ending == "desk" else last.decided_s + candidate.pace.leave_s
    return {
        **row,
        "called_s": last.called_s,
        "waited_s": last.called_s - candidate.arrived_s,
        "decided_s": last.decided_s,
        "ending": last.ending,
        "last_reason": last.decision.reason,
        "desk_done_s": desk_done_s,
        "time_to_admit_s": _time_to_admit_s(candidate, done_s),
    }


def _time_to_admit_s(candidate: Candidate, done_s: float | None) -> float | None:
    if candidate.claim.kind != "genuine" or done_s is None:
        return None
    return done_s - candidate.arrived_s


def _desk_times_s(morning: Morning, decided: Sequence[DecidedAttempt]) -> dict[str, float]:
    """When the desks are done with each candidate who was sent there; one queue a session."""
    service = morning.config.service
    free_s = {session.name: [0.0] * service.desks for session in morning.config.sessions}
    sent = [one for one in decided if one.ending == "desk"]
    done: dict[str, float] = {}
    for one in sorted(sent, key=lambda one: (one.decided_s, one.attempt.candidate.transaction_id)):
        candidate = one.attempt.candidate
        desks = free_s[candidate.session]
        done_s = max(heapq.heappop(desks), one.decided_s) + candidate.pace.desk_s
        heapq.heappush(desks, done_s)
        done[candidate.transaction_id] = done_s
    return done


def _queue_lengths(table: pd.DataFrame) -> pd.Series:
    """How many had come to the same gate before, and were not called yet."""
    lengths = pd.Series(0, index=table.index)
    came = table[table["called_s"].notna()]
    for _, gate in came.groupby(["session", "gate"], sort=False):
        arrived = gate["arrived_s"].to_numpy(dtype=np.float64)
        called = np.sort(gate["called_s"].to_numpy(dtype=np.float64))
        # By arrival: everybody before is either called by now or stands in the queue.
        gone = np.searchsorted(called, arrived, "right")
        lengths[gate.index] = np.maximum(0, np.arange(len(gate)) - gone)
    return lengths
