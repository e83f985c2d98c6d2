"""The task that the tests of a worker give it."""

from __future__ import annotations

import numpy as np

from lightning_iit.records import PhiTask
from lightning_iit.tpm.estimate import counts_from_codes


def task(n=3, *, steps=300, seed=0, states=None, cm=None, kind="observational", **options):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2**n, steps)
    codes[1::3] = codes[0:-1:3] ^ 1  # some order in the noise
    counts = counts_from_codes(codes[:-1], codes[1:], units=n)
    order = np.argsort(-np.array(counts.visits), kind="stable")
    chosen = states or tuple(tuple(int(code) >> unit & 1 for unit in range(n)) for code in order[:2])
    return PhiTask(
        layer="rnn", epoch=3, global_step=40, counts=counts, prior=0.5, states=chosen, kind=kind, axis="time",
        labels=tuple(map(str, range(10, 10 + n))), cm=cm, **options,
    )  # fmt: skip
