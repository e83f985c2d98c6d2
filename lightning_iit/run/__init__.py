"""One run: captured epochs become tasks, and the results of the tasks become records.

``computation`` joins pool, run and journal. ``run`` opens a record at capture and completes it when its result arrives; ``request``
makes record and task, ``windows`` adds up the counts of epochs, ``survey`` says what is asked of each group of units, and
``budget`` decides which judgements of a Φ there is time for; the complete records are ``kept``. ``training`` holds all this for a
callback, through all its fits: with its ``folder``, what it ``resume``s and what is ``shown``. ``options`` holds what is asked of
every analysis; ``trainer`` asks Lightning's trainer.
"""
