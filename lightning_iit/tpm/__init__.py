"""Transition probability matrices from counts, and what can be said of them (numpy and scipy only)."""
