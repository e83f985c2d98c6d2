"""Comparisons of surveys: of two epochs of a run (``change``) and of several runs (``runs``).

The tests are exact where they can be (``exchanges``). Reads records only; what a comparison means is said in its own words, with
the smallest p that its numbers allow.
"""
