"""The reference engine: PyPhi.

``_import`` imports PyPhi without PyPhi's effects on the process, ``options`` checks PyPhi's options, and ``engine`` lets PyPhi
compute and translates the results into records.
"""
