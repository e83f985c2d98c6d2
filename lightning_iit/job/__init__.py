"""What a worker does for one task; loads no torch.

``job`` makes the TPM of the task's counts, its diagnostics, Φ of each state and the pictures. ``judgement`` computes what that Φ is
judged by: a null, an interval, other thresholds, other numbers of transitions.
"""
