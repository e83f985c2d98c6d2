"""Conclusions from records, in words and tables.

``answers`` says whether training changed Φ; ``verdicts`` gives the sentences about one record; ``terms`` says what the words mean;
``methods`` is the paragraph for a paper. ``report`` joins them with the table of a run's epochs; ``tables`` has what is printed.
``cells`` and ``markup`` write numbers and Markdown.
"""
