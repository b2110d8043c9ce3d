"""Attempts of a morning, decided in this process by the verifier that serves."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from data.simulator import Morning, SimulatorConfig, plan_morning
from data.simulator.gates import Attempt, Decision
from data.simulator.photos import PhotoStore
from data.simulator.world import World
from pipelines.drift.gate_window import GateWindow
from pipelines.environment import usable_workers
from pipelines.stage import progress
from serving.comparison import PhotoError
from serving.verifier import FaceVerifier

_REFERENCE: Final = "image1"


def decide_with(
    verifier: FaceVerifier, store: PhotoStore, seen: GateWindow | None = None
) -> Callable[[Attempt], Decision]:
    """A function that lets a verifier decide attempts. What is no photo's fault is raised."""

    def decide(attempt: Attempt) -> Decision:
        reference = store.reference(attempt.candidate.claim.claimed_subject_id)
        probe = store.probe(attempt)
        try:
            found = verifier.compare(reference, probe)
        except PhotoError as error:
            if seen is not None:
                seen.refused(attempt)
            side = "reference:" if error.image == _REFERENCE else ""
            return Decision("refused", f"{side}{error.reason.code}")
        if seen is not None:
            seen.compared(attempt, probe, found)
        outcome: Literal["match", "non_match"] = "match" if found.is_same_person else "non_match"
        return Decision(outcome, None, found.similarity)

    return decide


@contextmanager
def prepared(
    world: World, config: SimulatorConfig, photos: Path | None
) -> Iterator[tuple[Morning, PhotoStore]]:
    """Plan a morning and make its photos, which are kept in `photos`, else thrown away after."""
    morning = plan_morning(config, world)
    with tempfile.TemporaryDirectory(prefix="examgate-photos-") as folder:
        store = PhotoStore(world, photos or Path(folder))
        store.prepare(morning, usable_workers(), progress("photos"))
        yield morning, store
