"""Φ of all checkpoints of a training, into one folder that the viewer shows as one curve.

``sweep`` is the one call, and ``sweeping`` goes through the checkpoints; ``checkpoints`` finds them and reads their epochs,
``models`` makes a model of each, and ``batches`` gives each the same data. ``ledger`` keeps what was swept, so that a later call
goes on; ``progress`` shows how far it is; ``outcome`` is what the sweep returns.
"""
