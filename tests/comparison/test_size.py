"""Without a true change p <= 0.05 is rare: surveys of the same weights on other sequences, as in the tables of sizes but few."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from places import PROJECT


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "epochs"), [("GRU", 0), ("LSTM", 6)])
def test_other_sequences_are_no_change(kind, epochs, monkeypatch):
    monkeypatch.syspath_prepend(PROJECT / "tests" / "benchmarks")
    from measure_survey import SIDES, differences, digits, groups_of, p_of, quarters, surveyed, trained

    x, y = digits()
    with torch.random.fork_rng():
        layer = trained(kind, 8, x, y, seed=0, epochs=epochs).layer.eval()
    parts, groups = quarters(len(x), 1), groups_of(8, 20, seed=10_000)
    surveys = [surveyed(layer, x[part], groups, resamples=0 if number else 50) for number, part in enumerate(parts)]
    pairs = [differences(surveys[one], surveys[other]) for pairs in SIDES.values() for one, other in pairs]
    error = float(np.sqrt(2)) * surveys[0].se
    alone, with_error, not_known = ([p_of(pair, each) <= 0.05 for pair in pairs].count(True) for each in (0.0, error, None))
    assert len(pairs) == 28
    assert alone >= 6
    assert with_error <= 2
    assert not_known <= 2
