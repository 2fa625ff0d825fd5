"""Carrying a plan out and taking it back: the journal is written before each action.

Knows no single rule or planner.
"""
