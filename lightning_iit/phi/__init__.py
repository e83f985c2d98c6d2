"""Integrated information of one system in one state, by engine, in this process or in worker processes.

``engine`` says what an engine is, ``registry`` finds one by name; ``fast/`` and ``pyphi/`` are the two of this package. ``compute``
has the functions that people call by hand, ``pool/`` computes tasks in worker processes, ``cost`` knows how long it takes, and
``scalars`` what is logged of a result.
"""
