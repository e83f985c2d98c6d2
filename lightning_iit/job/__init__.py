"""The work of one task in a worker process; loads no torch.

``job`` makes the TPM of the task's counts, its diagnostics, Φ of each state and the pictures. ``judgement`` computes the numbers
with which that Φ is judged: a null, an interval, Φ at other thresholds and Φ at other numbers of transitions.
"""
