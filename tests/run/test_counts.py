"""The counts of real training runs, computed again from raw activations by a plain loop."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from models import Gru, Mlp, flat_data, sequence_data
from plain_loops import RawActivations

from lightning_iit import IITCallback
from lightning_iit.records import Counts, EpochRecord


def plain_counts(sequences: list[torch.Tensor], record: EpochRecord) -> tuple[list[int], list[list[int]], dict]:
    """Visits, next-ON counts and joint counts by a plain loop over [time, unit] activations."""
    n = len(record.units.indices)
    visits, on, joint = [0] * 2**n, [[0] * n for _ in range(2**n)], Counter()
    for sequence in sequences:
        previous = None
        for row in sequence:
            bits = [int(row[i].item() > record.thresholds.values[k]) for k, i in enumerate(record.units.indices)]
            index = sum(bit * 2**k for k, bit in enumerate(bits))
            if previous is not None:
                visits[previous] += 1
                joint[previous, index] += 1
                for k, bit in enumerate(bits):
                    on[previous][k] += bit
            previous = index
    return visits, on, joint


def assert_same_counts(counts: Counts, sequences: list[torch.Tensor], record: EpochRecord) -> None:
    visits, on, joint = plain_counts(sequences, record)
    assert list(counts.visits) == visits
    assert [list(row) for row in counts.on] == on
    assert {(a, b): c for a, b, c in counts.joint} == dict(joint)


@pytest.mark.parametrize("threshold", ["median", "mean", 0.1])
def test_every_epoch_of_an_mlp(tmp_path, threshold):
    seed_everything(1)
    raw = RawActivations("net.4")
    callback = IITCallback("net.4", units=3, threshold=threshold, initial=False)
    trainer = Trainer(max_epochs=3, callbacks=[raw, callback], logger=False, default_root_dir=tmp_path, enable_checkpointing=False)
    trainer.fit(Mlp(), flat_data(1000, shuffle=True), flat_data(64, seed=1))
    assert [record.epoch for record in callback.records] == [0, 1, 2]
    for record, outputs in zip(callback.records, raw.epochs, strict=True):
        assert record.axis == "stream"
        assert record.kind == "statistical"
        assert record.counts.transitions == 999
        assert_same_counts(record.counts, [torch.cat(outputs)], record)


def test_every_epoch_of_a_gru(tmp_path):
    seed_everything(1)
    raw = RawActivations("net.gru")
    callback = IITCallback(units=3, initial=False, tpm="observe")
    trainer = Trainer(max_epochs=3, callbacks=[raw, callback], logger=False, default_root_dir=tmp_path, enable_checkpointing=False)
    trainer.fit(Gru(), sequence_data(100, shuffle=True), sequence_data(16, seed=1))
    assert len(callback.records) == 3
    for record, outputs in zip(callback.records, raw.epochs, strict=True):
        assert (record.layer, record.axis, record.kind) == ("net.gru", "time", "observational")
        assert record.counts.transitions == 100 * 8
        assert_same_counts(record.counts, [sequence for batch in outputs for sequence in batch], record)


def test_a_window_joins_the_counts_of_its_epochs_but_no_transition_across_them(tmp_path):
    raw = RawActivations("net.1")
    callback = IITCallback("net.1", units=2, threshold="zero", window=2, initial=False)
    trainer = Trainer(max_epochs=3, callbacks=[raw, callback], logger=False, default_root_dir=tmp_path, enable_checkpointing=False)
    trainer.fit(Mlp(), flat_data(300))
    joined = [torch.cat(outputs) for outputs in raw.epochs]
    for record, sequences in zip(callback.records, [joined[:1], joined[:2], joined[1:]], strict=True):
        assert record.counts.transitions == 299 * len(sequences)
        assert_same_counts(record.counts, sequences, record)
