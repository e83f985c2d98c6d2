"""What becomes of a run's tasks: they are computed, their results complete the records, and the records are kept."""
