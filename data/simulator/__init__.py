"""The gate on an exam morning: who comes when, what the camera sees, and what they do next."""

from data.simulator.campus_world import CampusWorld
from data.simulator.config import SimulatorConfig, read_simulator_config
from data.simulator.gates import Attempt, DecidedAttempt, Decision, run_gates, simulate
from data.simulator.morning import Candidate, Morning, plan_morning
from data.simulator.world import World

__all__ = [
    "Attempt",
    "CampusWorld",
    "Candidate",
    "DecidedAttempt",
    "Decision",
    "Morning",
    "SimulatorConfig",
    "World",
    "plan_morning",
    "read_simulator_config",
    "run_gates",
    "simulate",
]
