"""Cause-effect structures: what a concept is as a place, Φ of a cut as the distance of two structures, and a lower bound of it."""
