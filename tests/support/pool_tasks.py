"""Tasks for the pools of the tests: the layer's name says what ``pool_functions`` does for them."""

from __future__ import annotations

import time

from lightning_iit.records import Counts, PhiTask

COUNTS = Counts(visits=(3, 2, 1, 0), on=((1, 2), (0, 1), (1, 1), (0, 0)), joint=((0, 1, 3), (1, 2, 2), (2, 3, 1)))


def task(layer, *, epoch=0, states=((0, 0), (1, 0)), **options):
    return PhiTask(
        layer=layer, epoch=epoch, global_step=1, counts=COUNTS, prior=0.5, states=states, kind="observational", axis="time",
        labels=("0", "1"), **options,
    )  # fmt: skip


def started(pool):
    """Waits until the first open task has begun to compute its last state."""
    deadline = time.monotonic() + 30
    while not any(open_.fraction > 0 for open_ in pool.progress()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()
