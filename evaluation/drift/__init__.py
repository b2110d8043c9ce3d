"""Drift between a reference window and current windows of traffic, calibrated to their size."""
