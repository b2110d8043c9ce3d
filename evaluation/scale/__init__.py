"""Comparisons too many to hold."""
