"""What is hung on a layer: a forward hook that copies the activations of a few units, and how outputs are read.

``gate`` says when a call counts. ``outputs`` finds the tensor and its axes in an output; ``recorder`` is the hook, ``compiled``
the hook within a compiled graph. ``reading`` joins the two for a layer and gives what was kept as sequences or samples.
"""
