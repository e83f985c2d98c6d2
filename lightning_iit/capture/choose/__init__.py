"""The choice of what is watched of a model: layers and units, and what a Φ of these units can be a statement about.

``layers`` finds modules by name or glob, or picks one; ``stacks`` finds stacks of blocks of one class. ``units`` chooses units of a
layer from the first activations, with ``scores`` (entropy, weight norm) or as macro units (``clusters``). ``kinds`` says what a Φ
of the units is a statement about.
"""
