"""The reference engine: PyPhi, in the version that is installed.

``versions`` says which one that is, ``_import`` imports PyPhi without PyPhi's effects on the process, ``options1`` and ``options2``
check the options of PyPhi 1.2 and 2, ``version1`` and ``version2`` let them compute IIT 3.0, ``iit4`` lets PyPhi 2 compute IIT 4.0,
``translation`` turns what they have in common into records, and ``engine`` is the engine that asks the right one.
"""
