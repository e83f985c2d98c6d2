"""All that is watched of a model on the training side, and the passes in which it is watched.

``watch`` joins the captured states, the perturbations and the snapshots of the network under one life cycle. Besides training there
are passes over a fixed ``probe`` and of the ``untrained`` network; ``synchronized`` makes them with all ranks or with none.
"""
