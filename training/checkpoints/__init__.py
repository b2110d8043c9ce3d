"""Checkpoints of a run that goes on: everything that changes, on any number of processes."""
