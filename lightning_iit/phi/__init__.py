"""Integrated information (Φ of IIT 3.0) of one system in one state: engines, functions to call by hand, and worker pools.

``iit4/`` is the engine of IIT 4.0, which gives results of its own. ``engine`` defines the interface of an engine, and ``registry`` finds an engine by its name; ``fast/`` and ``pyphi/`` are the two
engines of this package. ``compute`` has the functions that people call by hand, and ``pool/`` computes tasks in worker processes.
``cost`` predicts how long an analysis takes, and ``scalars`` picks the numbers of a result that are logged.
"""
