"""Causal transition probability matrices: units are set into each state, and the layer makes one step.

``reservoir`` keeps calls of a layer; a ``stepper``, which ``steps`` asks the layer's kind for, makes them again step by step
(PyTorch's layers: ``recurrent`` and ``cells``). ``tpm`` sets the units and reads what follows; ``connectivity`` reads the weights
among the units.
``perturber`` does all of it for the layers of a run.
"""
