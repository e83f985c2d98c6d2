"""What a worker runs for the tests of threads: a task, and how many threads it had."""

from __future__ import annotations

import threading

import msgspec

from lightning_iit.job import job

SEARCHES = ("_guarded", "iit4-search")
"""In the names of the threads of a search."""


def run(task, report):
    seen, over = [0], threading.Event()

    def look():
        while not over.wait(0.001):
            seen.append(sum(any(name in thread.name for name in SEARCHES) for thread in threading.enumerate()))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        result = job.run(task, report)
    finally:
        over.set()
        looking.join()
    scalars = {"threads_asked_for": float(task.options.threads), "threads_seen": float(max(seen))}
    return msgspec.structs.replace(result, scalars=result.scalars | scalars)
