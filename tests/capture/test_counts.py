"""The counts of a capture are exactly those of plain loops over raw activations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from plain_loops import Digits, Rows, as_counter, batches_of, check_consistent, loop_counts, raw_of, train

from lightning_iit.capture import Capture, CaptureOptions


@pytest.mark.parametrize("threshold", ["median", "mean", "zero", 0.1])
@pytest.mark.parametrize("selection", ["variance", "random", "first"])
def test_mlp_counts_equal_plain_loops(threshold, selection):
    torch.manual_seed(0)
    model = Digits()
    capture = Capture(
        model, CaptureOptions(layers="net.2", units=4, threshold=threshold, selection=selection, calibration_batches=5)
    )
    chosen = set()
    with capture:
        for epoch in range(3):
            capture.begin_epoch(29)
            batches = batches_of(1797, seed=epoch)
            raw = raw_of(model.net[2], model, lambda batches=batches: train(model, batches, capture))
            (layer,) = capture.end_epoch()
            assert layer.problem is None
            calibration = np.concatenate(raw[:5])[:, layer.units.indices]
            expected = {"median": np.median(calibration, 0), "mean": calibration.mean(0), "zero": np.zeros(4)}.get(
                threshold, np.full(4, threshold)
            )
            assert layer.thresholds.values == pytest.approx(tuple(expected), rel=1e-12)
            stream = np.concatenate(raw)
            assert as_counter(layer.counts) == loop_counts([stream], layer.units.indices, layer.thresholds.values)
            assert layer.counts.transitions == 1796
            check_consistent(layer.counts, 4)
            last = stream[-1][list(layer.units.indices)]
            assert layer.last_state == tuple(int(value > cut) for value, cut in zip(last, layer.thresholds.values, strict=True))
            assert (layer.axis, layer.kind, layer.structural_phi) == ("stream", "statistical", 0.0)
            chosen.add(layer.units)
            if epoch == 0 and selection == "variance":
                best = np.sort(np.argsort(-raw[0].var(0))[:4])
                assert layer.units.indices == tuple(best)
    assert len(chosen) == 1


@pytest.mark.parametrize("batch_first", [True, False])
def test_gru_counts_equal_plain_loops(batch_first):
    torch.manual_seed(0)
    model = Rows(batch_first=batch_first)
    capture = Capture(model, CaptureOptions(units=4))
    assert capture.layers == ("rnn",)
    with capture:
        for epoch in range(2):
            capture.begin_epoch(16)
            batches = batches_of(1000, seed=epoch)
            raw = raw_of(model.rnn, model, lambda batches=batches: train(model, batches, capture))
            (layer,) = capture.end_epoch()
            raw = [batch if batch_first else batch.swapaxes(0, 1) for batch in raw]
            sequences = [sequence for batch in raw for sequence in batch]
            assert as_counter(layer.counts) == loop_counts(sequences, layer.units.indices, layer.thresholds.values)
            assert layer.counts.transitions == 1000 * 7
            calibration = np.concatenate(raw[:10]).reshape(-1, 32)[:, layer.units.indices]
            assert layer.thresholds.values == tuple(np.median(calibration, 0))
            assert (layer.axis, layer.kind, layer.structural_phi) == ("time", "observational", None)
