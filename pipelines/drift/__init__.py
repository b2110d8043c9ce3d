"""Command `drift`: windows in; report, Evidently's page, and metrics for Prometheus and MLflow out.

Evidently is imported by `evidently_page` and `evidently_figures` only, and these by the command.
"""
