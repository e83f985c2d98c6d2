"""What may be concluded from records, in words and tables.

``verdicts`` gives the sentences about one record; ``report`` puts those of a run together, with the table of its epochs.
"""
