"""Causal transition probability matrices: units are set into each state, and the layer makes one step.

``reservoir`` keeps calls of a layer; a ``stepper`` (for PyTorch's layers in ``recurrent`` and ``cells``, found by ``steps``) makes
them again step by step; ``tpm`` sets the units and reads what follows; ``connectivity`` reads the weights among the units.
``perturber`` does all of it for the layers of a run.
"""
