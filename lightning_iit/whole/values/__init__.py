"""The values of measures at a partition, from covariances of past and present."""
