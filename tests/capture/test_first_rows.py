"""Further groups of a watched layer: their counts are those of a loop over the first rows, however the rows arrive."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from lightning_iit.capture import Capture, CaptureOptions
from lightning_iit.capture.count import layer as counted
from lightning_iit.capture.count.first_rows import FirstRows
from lightning_iit.tpm.counts import joint


def lines(rows, **options):
    """A layer of six units with the rows as its activations, and its capture: three groups of two units, ON above 0."""
    model = nn.Sequential(nn.Identity())
    capture = Capture(model, CaptureOptions(layers="0", units=2, groups=3, threshold="zero", **options))
    capture.attach()
    capture.begin_epoch(len(rows))
    return model, capture


def by_hand(rows, units, stretches):
    """The joint counts of two units in a loop."""
    codes = [sum(int(row[unit] > 0) << bit for bit, unit in enumerate(units)) for row in rows.tolist()]
    counts = [[0] * 4 for _ in range(4)]
    for begin, end in pairwise([0, *stretches, len(codes)]):
        for code, following in pairwise(codes[begin:end]):
            counts[code][following] += 1
    return counts


@pytest.mark.parametrize("most", [40, 2**15])
@pytest.mark.parametrize("size", [1, 7, 200])
def test_counts_of_each_group_are_those_of_a_loop(monkeypatch, size, most):
    monkeypatch.setattr(counted, "_SURVEYED_ROWS", most)
    torch.manual_seed(1)
    rows = torch.randn(200, 6)
    model, capture = lines(rows)
    for part in rows.split(size):
        capture.begin_step()
        model(part)
        capture.end_step()
    (epoch,) = capture.end_epoch()
    assert len(epoch.groups) == 2
    assert joint(epoch.counts).tolist() == by_hand(rows, epoch.units.indices, [])
    for group in epoch.groups:
        assert joint(group.counts).tolist() == by_hand(rows[:most], group.units.indices, [])
        assert group.dynamics is None, "three in a row are counted of the first group only"


def test_no_transition_goes_over_a_stretch():
    torch.manual_seed(1)
    rows = torch.randn(60, 6)
    model, capture = lines(rows)
    for part in rows.split(20):
        capture.begin_step()
        model(part)
        capture.end_step()
        capture.end_stretch()
    (epoch,) = capture.end_epoch()
    for group in (epoch, *epoch.groups):
        assert joint(group.counts).tolist() == by_hand(rows, group.units.indices, [20, 40])


def test_sequences_are_kept_whole():
    rows = FirstRows(10)
    rows.add(torch.zeros(2, 4, 3), torch.tensor([4, 2]))
    rows.add(torch.ones(2, 4, 3), torch.tensor([1, 3]))
    rows.add(torch.ones(2, 4, 3), torch.tensor([1, 3]))
    ((values, lengths),) = next(rows.stretches())
    assert values.shape == (3, 4, 3)
    assert lengths.tolist() == [4, 2, 1]


def test_sequences_of_other_lengths_are_not_joined():
    rows = FirstRows(100)
    rows.add(torch.zeros(2, 4, 3), None)
    rows.add(torch.zeros(1, 4, 3), None)
    rows.add(torch.zeros(2, 5, 3), None)
    assert [values.shape for values, _ in next(rows.stretches())] == [(3, 4, 3), (2, 5, 3)]


def test_nothing_is_kept_where_the_layer_is_perturbed():
    rows = FirstRows(0)
    rows.add(torch.zeros(5, 3), None)
    assert list(rows.stretches()) == [[]]
