"""Conclusions from records, in words and tables.

``verdicts`` gives the sentences about one record; ``report`` joins the sentences about a run's records with the table of its
epochs.
"""
