"""Macro units: clusters of units whose activations rise and fall together, each cluster taken as one unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster.hierarchy import cut_tree, linkage

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_ROWS = 4096
"""About how many rows of each rank are used to estimate correlations (fewer than twice this number)."""


def correlation_clusters(samples: np.ndarray, n: int, *, among: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Divides units into n clusters by the correlation r of their activations (average linkage on 1 - r, scipy's ``linkage``).

    Args:
        samples: activations ``[row, unit]``; rows with a NaN or infinite activation are left out.
        n: the number of clusters.
        among: the units that may be chosen. Units that never vary have no correlation and are left out.

    Returns:
        The unit indices of each cluster, ascending; the clusters in the order of their first units. There are fewer than n clusters
        where fewer than n units vary.

    Raises:
        InvalidArgumentError: fewer than two units vary.
    """
    rows = samples[np.isfinite(samples).all(axis=1)].astype(np.float64)
    units = np.array([unit for unit in among if len(rows) > 1 and np.ptp(rows[:, unit]) > 0], dtype=np.int64)
    if len(units) < 2:
        msg = (
            f"selection='clusters': {len(units)} of the {len(among)} units vary in the {len(rows)} finite rows of the first data, "
            "so there is nothing to cluster. Select by 'first', or give indices."
        )
        raise InvalidArgumentError(msg)
    apart = 1 - np.corrcoef(rows[:, units], rowvar=False)
    condensed = np.maximum(apart[np.triu_indices(len(units), 1)], 0.0)
    labels = cut_tree(linkage(condensed, method="average"), n_clusters=min(n, len(units)))[:, 0]
    found = [tuple(units[labels == label].tolist()) for label in np.unique(labels)]
    return tuple(sorted(found))
