"""What a load did to a server, in figures."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.measures.quantiles import Quantiles
from pipelines.simulation.open_loop import LoadConfig, Sent


class LoadReport(BaseModel):
    """One open-loop run."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    config: LoadConfig
    num_requests: int
    """Attempts; one that was sent again after 503 counts once."""
    num_answered: int
    """With a decision or a photo's problem."""
    num_late: int
    """Left later than `late_after_ms` after their time: the generator's fault or its bound's."""
    num_busy: int
    """Answers 429 and 503."""
    duration_s: float
    offered_per_s: float
    """Requests over the span of their schedule."""
    busiest_second: int
    """Requests scheduled within one second, at most."""
    answered_per_s: float
    latency_ms: Quantiles
    """Of answered requests, from the scheduled time to the answer: what candidates feel."""
    latency_from_sending_ms: Quantiles
    """From the sending; the gap to the above is what a closed loop would have hidden."""
    problems: dict[str, int]
    """Requests without a comparison, by code."""


def load_report(sent: Sequence[Sent], config: LoadConfig) -> LoadReport:
    """Count a run; `sent` holds one request or more."""
    answered = [one for one in sent if one.reply.kind == "decided"]
    scheduled_s = np.array([one.scheduled_s for one in sent])
    span_s = float(np.ptp(scheduled_s))
    duration_s = max(one.done_s for one in sent)
    late_s = config.late_after_ms / 1e3
    reasons = (one.reply.decision.reason for one in sent)
    return LoadReport(
        config=config,
        num_requests=len(sent),
        num_answered=len(answered),
        num_late=sum(one.sent_s - one.scheduled_s > late_s for one in sent),
        num_busy=sum(one.num_busy for one in sent),
        duration_s=duration_s,
        offered_per_s=len(sent) / max(span_s, 1.0),
        busiest_second=int(np.unique(scheduled_s.astype(np.int64), return_counts=True)[1].max()),
        answered_per_s=len(answered) / duration_s,
        latency_ms=Quantiles.of([1e3 * (one.done_s - one.scheduled_s) for one in answered]),
        latency_from_sending_ms=Quantiles.of([1e3 * (one.done_s - one.sent_s) for one in answered]),
        problems=dict(sorted(Counter(reason for reason in reasons if reason).items())),
    )
