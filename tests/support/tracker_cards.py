"""How large the pages of TensorBoard and MLflow show a picture by themselves, in a window of 1280 x 720."""

from __future__ import annotations

TENSORBOARD = 350
"""Pixels from left to right, in the tab of images."""
MLFLOW = 188
"""Pixels from left to right, in the charts of a run: three cards beside each other, and MLflow's assistant beside these."""
LEAST = 7.0
"""The smallest size of letters, in pixels of the page, that is taken as legible in the smaller of the two."""
