"""Every Prometheus metric the server exposes, by name; dashboards and alerts are held to these."""

from typing import Final

REQUESTS: Final = "examgate_http_requests_total"
"""Requests answered, by route, status and problem code (`ok` where there was no problem)."""
REQUEST_SECONDS: Final = "examgate_http_request_seconds"
"""Time from the first byte of a request to the last of its answer, by route."""
STAGE_SECONDS: Final = "examgate_compare_stage_seconds"
"""Time of one comparison by stage: queue, decode, detect, embed, total."""
DECISIONS: Final = "examgate_decisions_total"
"""Comparisons decided, by outcome (same, different) and operating point."""
IMAGE_REJECTS: Final = "examgate_image_rejects_total"
"""Photos that could not be compared, by problem code and by which image it was."""
IN_FLIGHT: Final = "examgate_compare_in_flight"
"""Comparisons admitted and not yet answered, waiting ones included."""
READY: Final = "examgate_ready"
"""1 while the model is loaded and its self-test passes, else 0."""
MODEL_INFO: Final = "examgate_model_info"
"""Always 1; its labels say which model answers."""

METRIC_NAMES: Final = (
    REQUESTS,
    REQUEST_SECONDS,
    STAGE_SECONDS,
    DECISIONS,
    IMAGE_REJECTS,
    IN_FLIGHT,
    READY,
    MODEL_INFO,
)
