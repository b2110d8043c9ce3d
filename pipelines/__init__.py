"""Stages of `dvc repro` and commands of `examgate`: where the rooms are wired together."""
