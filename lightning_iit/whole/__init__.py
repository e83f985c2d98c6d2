"""Measures of whole layers: how much the parts of a layer's activity hang together, for as many as 200 units at once.

``values`` computes measures at a partition, ``search`` finds the partition with the smallest value, ``sampling`` reads series and
draws surrogates of them; ``layer`` does it all in one call, and ``decomposition`` (ΦID) looks at two units. No torch.
"""

from __future__ import annotations

from lightning_iit.whole.decomposition import phiid, phiid_of_counts, phiid_of_covariance, phiid_sums
from lightning_iit.whole.discrete import discrete_measures
from lightning_iit.whole.layer import whole_layer
from lightning_iit.whole.values.covariances import Covariances

__all__ = ["Covariances", "discrete_measures", "phiid", "phiid_of_counts", "phiid_of_covariance", "phiid_sums", "whole_layer"]
