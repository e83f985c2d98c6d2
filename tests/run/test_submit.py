"""The submission of an epoch's analysis."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lightning_iit.capture.count.epoch import LayerEpoch
from lightning_iit.phi.pool.inline_pool import InlinePool
from lightning_iit.records import Thresholds, Units
from lightning_iit.run.options import RunOptions
from lightning_iit.run.run import Run
from lightning_iit.run.survey import Group
from lightning_iit.tpm.counts import counts_from_codes
from lightning_iit.trackers.journal import Journal


@pytest.mark.parametrize(("options", "last"), [({}, True), ({"preset": "paper", "extra_budget": 1e9}, False)])
def test_results_are_received_while_other_thresholds_are_counted(options, last):
    units = Units(indices=(0, 1), width=4, selection="variance")
    codes = np.random.default_rng(0).integers(0, 4, 500)
    counts = counts_from_codes(codes[:-1], codes[1:], units=2)
    captured = LayerEpoch(
        layer="gru",
        axis="time",
        kind="observational",
        units=units,
        thresholds=Thresholds(strategy="median", values=(0.0, 0.0), frozen=False),
        counts=counts,
        last_state=(0, 0),
    )
    journal = Journal([])
    run = Run(RunOptions(pictures=False, **options), InlinePool(), journal)
    run.collect(captured, epoch=0)
    seen, thread = [], ThreadPoolExecutor(1)

    def at_thresholds():
        seen.append(thread.submit(lambda: (run.analyses.pending, len(run.analyses.records))).result(5))
        return ()

    groups = [Group(captured, counts, None, run.states(captured, counts))]
    future = run.submit(groups, epoch=0, global_step=1, wall_time=1.0, last=last, at_thresholds=at_thresholds)
    thread.shutdown()
    journal.close(10.0)
    assert seen == [(1, 0)]
    assert future.result(0).complete
