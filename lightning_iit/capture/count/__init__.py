"""From activations to the transition counts of binary states, for each epoch.

``binarize`` compares activations with thresholds; ``coding`` makes binary elements from units; ``transitions`` counts. ``counter``
does these three steps for one group of units, ``layer`` for all groups of a layer, ``session`` for all layers of a run, with
``ranks`` under DDP. ``recent`` keeps the last activations. The result is a ``LayerEpoch`` (``epoch``), made in ``results``.
"""
