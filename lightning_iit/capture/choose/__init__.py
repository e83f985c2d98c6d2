"""What is watched of a model: which layers, which of their units, and what a number about them can be a statement about.

``layers`` finds modules by name, glob or by itself; ``stacks`` finds blocks of one kind. ``units`` chooses units of a layer from
first data, by ``scores`` (entropy, weight norm) or as macro units (``clusters``). ``kinds`` says what a Φ of them is about.
"""
