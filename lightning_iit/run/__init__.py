"""One run: captured epochs become tasks, and the results of the tasks become records.

``computation`` joins pool, run and journal. ``run`` opens a record at capture, and ``results`` completes it when its result
arrives; ``perturbations`` are made beside the training. ``request`` makes record and task, ``windows`` adds up the counts of
epochs, ``survey`` says what is asked of each group of units, and ``budget`` decides which layers, and which judgements of a Φ,
there is time for. ``training`` holds all this for a callback, through all its fits: with its ``folder``, what it ``resume``s and
what is ``shown``; ``commands`` come to it while it goes on. ``options`` holds what is asked of every analysis; ``trainer`` asks
Lightning's trainer.
"""
