"""Conclusions from records, in words and tables.

``answers`` says whether training changed Φ; ``verdicts`` gives the sentences about one record; ``terms`` says what the words mean;
``methods`` is the paragraph for a paper. ``course`` says what Φ did between the two epochs that are compared, ``dependence`` what Φ
depends on, ``steered`` what a training was told, ``iit4`` and ``whole`` the numbers of these kinds. ``report`` joins them with the
table of a run's epochs; ``tables`` has what is printed. ``cells`` and ``markup`` write numbers and Markdown.
"""
