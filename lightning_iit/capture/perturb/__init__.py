"""Causal transition probability matrices: units are set into each state, and the layer makes one step.

``reservoir`` keeps calls of a layer; a ``stepper``, found by ``steps`` (PyTorch's layers: ``recurrent`` and ``cells``), repeats the
calls step by step; ``tpm`` sets the units and reads their next states; ``connectivity`` reads the weights among the units.
``perturber`` does all of this for the layers of a run.
"""
