"""A page beside a training that runs: what it is told as it happens, and the commands that it may send.

``messages`` has what goes to and fro; ``trainings`` reads how far the trainings of a folder are and hands commands to them;
``stream`` pushes what is new (server-sent events); ``access`` says whose requests may change something.
"""
