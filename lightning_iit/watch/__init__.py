"""Everything that is watched of a model during training, and the passes over data in which the model is watched.

``watch`` joins the captured states, the perturbations and the snapshots of the network under one life cycle. Besides training there
are passes over a fixed ``probe`` and a pass of the ``untrained`` network over the first training ``batches``, in which the trainer
is ``silent``; the hooks around the ``first_batches`` lead there. ``synchronized`` makes each step of a pass on all ranks or on
none. ``lesions`` measures what a network loses without some units, and ``whole`` is the pass for measures of whole layers. No fault
stops a training: that is the ``guard``.
"""
