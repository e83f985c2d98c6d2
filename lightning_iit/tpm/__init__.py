"""Transition probability matrices (TPMs): counts, estimates, tests, nulls and intervals (numpy and scipy only)."""
