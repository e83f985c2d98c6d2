"""Causal transition probability matrices: units are set into each state, and the layer makes one step.

``reservoir`` keeps calls of a layer; a ``stepper``, found by ``steps`` (PyTorch's layers: ``recurrent`` and ``cells``), repeats the
calls step by step. ``tpm`` sets units (``setting``) in what was observed (``backgrounds``), steps (``stepped``; with what the
backgrounds fix computed once: ``split``) and counts the next states; ``connectivity`` reads the weights among the units. A ``job``
does this for one layer with its weights of one moment, in any thread; ``perturber`` makes the jobs of a run.
"""
