"""A window of what a simulated gate sees, written while it decides."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from data.images import decode_photo
from data.simulator.gates import Attempt
from evaluation.drift.window import EMBEDDING, WINDOW_QUALITY, check_window
from serving.comparison import Comparison
from serving.engine import Engine


class GateWindow:
    """Collects one row for each attempt."""

    def __init__(self, engine: Engine) -> None:
        """`engine` is that of the bundle which decides: a verifier gives no embedding away."""
        self._engine = engine
        self._rows: list[dict[str, Any]] = []

    def compared(self, attempt: Attempt, probe: bytes, found: Comparison) -> None:
        """Note an attempt that was decided; the live photo is the second of the comparison."""
        report = found.photos[1]
        photo = decode_photo(probe)
        landmarks_px = photo.in_picture_px(report.face.landmarks_px)
        embedding = self._engine.embed(photo.image_rgb_u8[None], landmarks_px[None])[0]
        self._note(
            attempt,
            score=found.similarity,
            decision="match" if found.is_same_person else "non_match",
            quality={name: asdict(report.quality)[name] for name in WINDOW_QUALITY},
            embedding=embedding,
        )

    def refused(self, attempt: Attempt) -> None:
        """Note an attempt of which no comparison came."""
        self._note(attempt, score=np.nan, decision="refused", quality={}, embedding=None)

    def table(self) -> pd.DataFrame:
        """Everything noted so far."""
        columns = ["subject_id", "score", "decision", "site", "device", "at_s", *WINDOW_QUALITY]
        table = pd.DataFrame(self._rows, columns=[*columns, EMBEDDING])
        return check_window(table, "the window of the gates")

    def _note(
        self,
        attempt: Attempt,
        *,
        score: float,
        decision: str,
        quality: dict[str, float],
        embedding: np.ndarray | None,
    ) -> None:
        candidate = attempt.candidate
        self._rows.append(
            {
                "subject_id": candidate.claim.claimed_subject_id,
                "score": score,
                "decision": decision,
                "site": f"{candidate.session}/{candidate.gate}",
                "device": None,
                "at_s": attempt.at_s,
                **quality,
                EMBEDDING: embedding,
            }
        )
