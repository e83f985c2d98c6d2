"""The fast engine: exact integrated information with PyPhi's results, some thousand times faster.

From the bottom up: ``subsets`` (index tables of sets of nodes), ``tables`` (next-state probabilities of each node), ``repertoires``
(cause and effect repertoires), ``distance/`` (earth mover's distances), ``effects``, ``partitions`` and ``causes`` (partitions of
mechanisms, and the choice of purviews), ``mice`` (maximally irreducible causes and effects under a cut), ``structures`` (distance
between two cause-effect structures), ``evaluation`` (Φ of one cut), ``cuts`` and ``search`` (the cut with the smallest Φ),
``complexes`` (candidates for the major complex), ``results`` and ``fast_engine`` (results as records). ``rounding`` rounds to
PyPhi's six decimals.
"""
