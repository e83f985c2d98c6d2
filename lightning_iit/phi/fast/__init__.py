"""The accelerated exact engine of integrated information: PyPhi's answers, some thousand times faster.

From the bottom up: ``subsets`` (index tables), ``tables`` (what each node does), ``repertoires``, ``distance/`` (earth mover's
distances), ``effects``, ``partitions`` and ``causes`` (mechanism partitions and purviews), ``mice`` (causes and effects under a
cut), ``structures`` (distance of cause-effect structures), ``evaluation`` (one cut), ``cuts`` and ``search`` (system partitions),
``complexes``, ``results`` and ``fast_engine``. ``compiling`` compiles them, ``rounding`` says when two numbers are equal.
"""
