"""One run: what was captured becomes tasks, and their results become records.

``computation`` joins pool, run and journal. ``run`` opens a record at capture and settles it with its result; ``request`` makes
record and task, ``windows`` adds up epochs, ``groups`` has the further groups of units, and ``budget`` says which checks
of a Φ there is time for.
"""
