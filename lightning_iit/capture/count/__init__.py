"""From activations to transition counts of binary states, for each epoch.

``binarize`` compares with thresholds; ``coding`` makes binary elements of units; ``transitions`` counts. ``counter`` does the three
for one set of units, ``layer`` for all sets of a layer, ``session`` for all layers of a run, with ``ranks`` under DDP. ``recent``
keeps the last activations. What comes out is a ``LayerEpoch`` (``epoch``).
"""
