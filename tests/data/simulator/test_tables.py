"""The two tables: what a morning came to, the same bytes every time, and no broken row."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import ManifestError
from data.simulator import Attempt, Decision, SimulatorConfig, World, plan_morning, run_gates
from data.simulator.claims import ClaimConfig
from data.simulator.gates import DecidedAttempt
from data.simulator.morning import Morning
from data.simulator.streams import stream
from data.simulator.tables import (
    ATTEMPT_SCHEMA,
    TRANSACTION_SCHEMA,
    attempts_table,
    transactions_table,
    write_table,
)


def _decide(attempt: Attempt) -> Decision:
    drawn = stream(8, attempt.candidate.transaction_id, attempt.number).random()
    if drawn < 0.5:
        return Decision("match", None, 0.7)
    return Decision("non_match", None, 0.1) if drawn < 0.8 else Decision("refused", "no_face")


def _live(config: SimulatorConfig, world: World) -> tuple[Morning, list[DecidedAttempt]]:
    morning = plan_morning(config, world)
    return morning, list(run_gates(morning, _decide))


@pytest.fixture(scope="module")
def lived(names: World, two_gates: SimulatorConfig) -> tuple[Morning, list[DecidedAttempt]]:
    return _live(two_gates, names)


@pytest.fixture(scope="module")
def transactions(lived: tuple[Morning, list[DecidedAttempt]]) -> pd.DataFrame:
    return transactions_table(*lived)


def test_there_is_a_row_for_every_line_of_the_rolls(
    transactions: pd.DataFrame, lived: tuple[Morning, list[DecidedAttempt]]
) -> None:
    morning, decided = lived
    assert len(transactions) == morning.config.num_candidates
    assert transactions["num_attempts"].sum() == len(decided) == len(attempts_table(decided))
    assert (transactions["ending"] == "absent").sum() == 120 - len(morning.present)
    assert set(transactions["ending"]) == {"admitted", "desk", "gave_up", "absent"}


def test_who_is_admitted_had_a_match(
    transactions: pd.DataFrame, lived: tuple[Morning, list[DecidedAttempt]]
) -> None:
    attempts = attempts_table(lived[1])
    matched = set(attempts.loc[attempts["outcome"] == "match", "transaction_id"])
    admitted = set(transactions.loc[transactions["ending"] == "admitted", "transaction_id"])
    assert matched == admitted


def test_the_queue_is_as_long_as_a_look_at_the_door_says(transactions: pd.DataFrame) -> None:
    came = transactions[transactions["ending"] != "absent"]
    for _, row in came.iterrows():
        gate = came[(came["gate"] == row["gate"]) & (came["session"] == row["session"])]
        before = (gate["arrived_s"] < row["arrived_s"]) & (gate["called_s"] > row["arrived_s"])
        assert row["queue_length"] == before.sum()
    assert came["queue_length"].max() > 1


def test_the_desk_takes_one_at_a_time(transactions: pd.DataFrame) -> None:
    desk = transactions[transactions["ending"] == "desk"].sort_values("desk_done_s")
    assert len(desk) > 5
    assert (desk["desk_done_s"] > desk["decided_s"]).all()
    assert desk["decided_s"].is_monotonic_increasing
    assert (np.diff(desk["desk_done_s"]) > 10).all()


def test_only_genuine_candidates_have_a_time_to_admit(transactions: pd.DataFrame) -> None:
    came = transactions[transactions["ending"] != "absent"]
    assert (came["time_to_admit_s"].notna() == (came["kind"] == "genuine")).all()
    genuine = came[came["kind"] == "genuine"]
    assert (genuine["time_to_admit_s"] >= genuine["waited_s"]).all()


def test_the_same_morning_is_the_same_file(
    tmp_path: Path, names: World, two_gates: SimulatorConfig
) -> None:
    for name in ("one", "two"):
        morning, decided = _live(two_gates, names)
        table = transactions_table(morning, decided)
        write_table(table, tmp_path / f"{name}.parquet", TRANSACTION_SCHEMA)
        write_table(attempts_table(decided), tmp_path / f"{name}.a.parquet", ATTEMPT_SCHEMA)
    for kind in ("parquet", "a.parquet"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()
    back = pd.read_parquet(tmp_path / "one.parquet")
    assert list(TRANSACTION_SCHEMA.validate(back)["transaction_id"]) == list(
        table["transaction_id"]
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [("ending", "vanished"), ("kind", "ghost"), ("waited_s", -1.0), ("num_attempts", 0)],
)
def test_a_broken_row_is_named(
    tmp_path: Path, transactions: pd.DataFrame, column: str, value: str | float
) -> None:
    broken = transactions.copy()
    row = broken.index[broken["ending"] == "admitted"][0]
    broken.loc[row, column] = value
    with pytest.raises(ManifestError):
        write_table(broken, tmp_path / "t.parquet", TRANSACTION_SCHEMA)
    assert not list(tmp_path.iterdir())


def test_a_match_with_a_reason_is_refused(lived: tuple[Morning, list[DecidedAttempt]]) -> None:
    table = attempts_table(lived[1])
    table.loc[table["outcome"] == "match", "reason"] = "no_face"
    with pytest.raises(ManifestError, match="reason"):
        write_table(table, Path("never.parquet"), ATTEMPT_SCHEMA)


def test_a_morning_without_a_refusal_is_a_table_too(
    names: World, two_gates: SimulatorConfig
) -> None:
    morning = plan_morning(two_gates, names)
    decided = list(run_gates(morning, lambda _: Decision("match")))
    assert attempts_table(decided)["reason"].isna().all()
    table = transactions_table(morning, decided)
    assert table["last_reason"].isna().all()
    assert table["desk_done_s"].isna().all()
    assert set(table["ending"]) == {"admitted", "absent"}


def test_a_morning_that_nobody_comes_to_is_a_table_too(
    names: World, two_gates: SimulatorConfig
) -> None:
    shares = {"absent_share": 1.0, "impostor_share": 0, "look_alike_share": 0, "mix_up_share": 0}
    alone = two_gates.model_copy(update={"claims": ClaimConfig.model_validate(shares)})
    morning = plan_morning(alone, names)
    assert attempts_table([]).empty
    assert set(transactions_table(morning, [])["ending"]) == {"absent"}
