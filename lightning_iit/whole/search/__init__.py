"""The search for the bipartition with the smallest value of a measure."""
