"""PyPhi as an engine.

``_import`` imports it without its effects on the process, ``options`` checks its options, ``engine`` computes and translates.
"""
