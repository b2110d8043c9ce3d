"""What one server counts, in a registry of its own, so that two apps in a process never mix."""

from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from serving import metric_names
from serving.comparison import Comparison, ModelIdentity
from serving.problems import ProblemError

EXPOSITION_MEDIA_TYPE: Final = CONTENT_TYPE_LATEST

_SECONDS_BUCKETS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0),
)
"""Dense around the tens of milliseconds that one comparison takes."""


class Metrics:
    """Prometheus metrics of one server. No label ever holds a caller's own words."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            metric_names.REQUESTS,
            "Requests answered, by problem code",
            ("route", "status", "code"),
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            metric_names.REQUEST_SECONDS,
            "Time to answer a request, in seconds",
            ("route",),
            buckets=_SECONDS_BUCKETS,
            registry=self._registry,
        )
        self._stage_seconds = Histogram(
            metric_names.STAGE_SECONDS,
            "Time of one comparison by stage, in seconds",
            ("stage",),
            buckets=_SECONDS_BUCKETS,
            registry=self._registry,
        )
        self._decisions = Counter(
            metric_names.DECISIONS,
            "Comparisons decided",
            ("outcome", "operating_point"),
            registry=self._registry,
        )
        self._image_rejects = Counter(
            metric_names.IMAGE_REJECTS,
            "Photos that could not be compared",
            ("code", "image"),
            registry=self._registry,
        )
        self.in_flight = Gauge(
            metric_names.IN_FLIGHT,
            "Comparisons admitted and not yet answered",
            registry=self._registry,
        )
        self.ready = Gauge(
            metric_names.READY, "1 while the self-test passes", registry=self._registry
        )
        self._model_info = Gauge(
            metric_names.MODEL_INFO,
            "Which model answers",
            ("name", "version", "bundle_digest", "contract_id", "operating_point"),
            registry=self._registry,
        )

    def observe_request(
        self, route: str, status: int, problem: ProblemError | None, seconds: float
    ) -> None:
        """Count one answered request, and the photo that was refused if one was."""
        code = problem.kind.code if problem else "ok"
        self._requests.labels(route, str(status), code).inc()
        self._request_seconds.labels(route).observe(seconds)
        if problem and problem.image:
            self._image_rejects.labels(code, problem.image).inc()

    def observe_comparison(self, comparison: Comparison, queue_ms: float) -> None:
        """Count one decision and the time of each of its stages."""
        outcome = "same" if comparison.is_same_person else "different"
        self._decisions.labels(outcome, comparison.operating_point).inc()
        self._stage_seconds.labels("queue").observe(queue_ms / 1e3)
        for stage, spent_ms in comparison.timings.stages():
            self._stage_seconds.labels(stage).observe(spent_ms / 1e3)

    def describe_model(self, model: ModelIdentity, operating_point: str) -> None:
        """Say which model answers from now on."""
        self._model_info.clear()
        self._model_info.labels(
            model.name, model.version or "", model.bundle_digest, model.contract_id, operating_point
        ).set(1)

    def exposition(self) -> bytes:
        """Everything counted, in Prometheus' text format."""
        return generate_latest(self._registry)
