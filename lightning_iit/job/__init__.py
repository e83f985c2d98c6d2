"""The work of one task in a worker process; loads no torch.

``job`` makes the TPM of the task's counts, its diagnostics, Φ of each state and the pictures; ``survey`` has Φ of the layer's
groups, and ``further`` what other formalisms give. ``judgement`` computes the numbers with which that Φ is judged: a null, an
interval, Φ at other thresholds and Φ at other numbers of transitions. ``split`` divides the many Φ of a task into parts, and
``numbers`` computes a part of them or takes what parts found. ``whole`` has the measures of whole layers.
"""
