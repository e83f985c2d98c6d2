"""What is kept of a whole layer: Gaussian measures of all its units, and of pairs of units."""
