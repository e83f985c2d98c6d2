"""Integrated information of one system in one state (Φ of IIT 3.0, φ_s of IIT 4.0).

``engine`` defines the interface of an engine of IIT 3.0, and ``registry`` finds an engine by its name; ``fast/`` and ``pyphi/`` are
the two engines of this package. ``iit4/`` is the engine of IIT 4.0, which gives results of its own. ``compute`` has the functions
that people call by hand, and ``pool/`` computes tasks in worker processes. ``cost`` predicts how long an analysis takes, and
``scalars`` picks the numbers of a result that are logged.
"""
