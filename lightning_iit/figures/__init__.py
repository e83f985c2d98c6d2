"""Pictures as PNG and SVG: the TPM as a heatmap, and the units as a graph with their minimum-information partition.

The pictures are drawn with matplotlib's objects and the Agg canvas: no pyplot, no global state, and the same picture whatever the
user's matplotlibrc says.
"""

from lightning_iit.figures.cards import partition_card, tpm_card
from lightning_iit.figures.heatmap import tpm_heatmap
from lightning_iit.figures.partition import partition_graph

__all__ = ["partition_card", "partition_graph", "tpm_card", "tpm_heatmap"]
