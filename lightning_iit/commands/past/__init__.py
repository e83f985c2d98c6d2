"""Questions to past epochs: of which record, which units of it, from which checkpoint, and how the answer is kept with the run."""
