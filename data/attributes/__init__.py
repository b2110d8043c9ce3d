"""Attributes that models guess, merged with what is known, disagreement kept.

Predicted demographic labels serve one purpose: to audit for whom the system errs. They are wrong
for many people, and never enter a decision about a student.
"""
