"""Behaviour cases: one YAML file for each thing that a face must do to a decision, or must not."""
