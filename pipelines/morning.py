"""Live through one exam morning with a candidate: error rates of whole transactions."""

from collections.abc import Mapping
from dataclasses import replace

from data.simulator import CampusWorld, SimulatorConfig, run_gates
from data.simulator.claims import ClaimConfig
from data.simulator.tables import attempts_table, transactions_table
from evaluation.config import EvaluationConfig
from evaluation.measures.transactions import TransactionRates, transaction_rates
from evaluation.operating_points import OperatingPoint
from pipelines.simulation.deciding import decide_with, prepared
from serving.bundle import Bundle
from serving.config import ServerConfig
from serving.release import OperatingPoint as ReleasedPoint
from serving.verifier import FaceVerifier


def live_through(
    bundle: Bundle, points: Mapping[str, OperatingPoint], config: EvaluationConfig
) -> TransactionRates | None:
    """Let a bundle decide the synthetic campus' morning at the default operating point.

    The students of that campus are in no split. None where no candidates are asked for.
    """
    asked = config.morning
    if asked.candidates == 0:
        return None
    third = asked.false_claim_share / 3
    claims = ClaimConfig(
        absent_share=0, impostor_share=third, look_alike_share=third, mix_up_share=third
    )
    base = SimulatorConfig(seed=asked.seed, claims=claims)
    morning_config = base.with_candidates(asked.candidates)
    verifier = FaceVerifier.from_bundle(_at(bundle, points, config), ServerConfig())
    with prepared(CampusWorld(), morning_config, None) as (morning, store):
        decided = list(run_gates(morning, decide_with(verifier, store)))
    transactions = transactions_table(morning, decided)
    return transaction_rates(
        transactions, attempts_table(decided), config.confidence, config.bootstrap
    )


def _at(bundle: Bundle, points: Mapping[str, OperatingPoint], config: EvaluationConfig) -> Bundle:
    """The same bundle as if it had been released with these thresholds."""
    released = {name: ReleasedPoint(**point.model_dump()) for name, point in points.items()}
    changes = {
        "operating_points": released,
        "default_operating_point": config.default_operating_point,
    }
    return replace(bundle, release=bundle.release.model_copy(update=changes))
