"""The studio: a page that starts trainings, with a queue of processes behind it.

``training`` has what can be trained and on what; ``forms`` makes forms of the arguments of classes,
``catalog`` has all that can be chosen. ``request`` makes a YAML file for LightningCLI of what a person chose; ``train`` is the
process that runs it. ``records`` has the files of such a training; ``processes`` and ``queue`` start, find again and end them.
``listing`` and ``compared`` are what the page shows of them, ``app`` serves it, ``opening`` puts all together.
"""
