"""Consecutive parts of watched data: how they are made, and drawn again."""

from __future__ import annotations

import numpy as np
import pytest
from chains import BASIC, walk

from lightning_iit.records import Dynamics
from lightning_iit.tpm.counts import counts_from_codes, dynamics_from_codes, merge, merge_dynamics
from lightning_iit.tpm.parts import as_arrays, consecutive_parts, parts_at_once, resampled_parts, some_parts
from lightning_iit.tpm.varying import counts_of, dynamics_of

CODES = walk(BASIC, 4097, np.random.default_rng(0))


def transitions(codes: np.ndarray) -> np.ndarray:
    return np.stack([codes[:-1], codes[1:]], axis=1)


def of_states(pairs: np.ndarray, units: int = 3) -> tuple:
    counts = counts_from_codes(*pairs.T, units=units)
    return counts.visits, counts.on


def test_one_recording_is_divided_anywhere_and_of_several_each_is_in_one_part():
    counts, dynamics = dynamics_from_codes([CODES], units=3)
    assert len(dynamics.parts) == 64
    visits, ons = as_arrays(dynamics.parts)
    assert (visits.sum(0).tolist(), ons.sum(0).tolist()) == (list(counts.visits), [list(row) for row in counts.on])
    pairs = transitions(CODES)
    assert (dynamics.parts[1].visits, dynamics.parts[1].on) == of_states(pairs[64:128])

    sequences = np.split(CODES[:3000], 100)
    parts = dynamics_from_codes(sequences, units=3)[1].parts
    assert [part.transitions % 29 for part in parts] == [0] * len(parts)
    assert 33 <= len(parts) <= 64
    first = parts[0].transitions // 29
    assert (parts[0].visits, parts[0].on) == of_states(np.concatenate([transitions(one) for one in sequences[:first]]))


def test_what_has_no_parts():
    assert consecutive_parts([transitions(np.array([5]))], 3) == consecutive_parts([], 3) == ()
    assert dynamics_from_codes([np.arange(100)], units=7)[1].parts == ()


def test_resamples_are_drawn_from_whole_parts():
    # A part has its own number of visits, by which it is found again in a resample.
    parts = consecutive_parts([np.zeros((3**place, 2), dtype=np.int64) for place in range(6)], 1)
    sizes = [part.transitions for part in parts]
    drawn = [counts.transitions for counts in resampled_parts(parts, 400, seed=3)]
    times = np.random.default_rng(3).multinomial(len(parts), [1 / len(parts)] * len(parts), size=400)
    assert drawn == (times @ sizes).tolist()
    assert drawn != [counts.transitions for counts in resampled_parts(parts, 400, seed=4)]


def test_a_subset_has_a_share_of_the_parts_each_at_most_once():
    parts = dynamics_from_codes([CODES], units=3)[1].parts
    for share in (0.0625, 0.5, 1.0, 0.001):
        subsets = some_parts(parts, share, number=4, seed=1)
        assert [subset.transitions for subset in subsets] == pytest.approx([max(share * 4096, 64)] * 4)
    whole = counts_from_codes(CODES[:-1], CODES[1:], units=3)
    assert {(one.visits, one.on) for one in some_parts(parts, 1.0)} == {(whole.visits, whole.on)}
    assert len({one.visits for one in some_parts(parts, 0.5, number=4)}) == 4


def test_parts_of_sources_that_came_at_once_are_added_up():
    one, other = (dynamics_from_codes([codes], units=3)[1].parts for codes in (CODES, CODES[::-1]))
    assert parts_at_once([one, other])[5].visits == tuple(np.add(one[5].visits, other[5].visits))
    visits, ons = (np.concatenate(each) for each in zip(as_arrays(one), as_arrays(other), strict=True))
    few = parts_at_once([one, other[:7]])
    assert len(few) == 7
    assert as_arrays(few)[0].sum() == visits.sum() - as_arrays(other[7:])[0].sum()
    assert parts_at_once([one, other])[0].on == tuple(map(tuple, (ons[0] + ons[64]).tolist()))
    assert parts_at_once([one, ()]) == ()


def test_parts_of_some_units_are_those_of_their_states():
    _, dynamics = dynamics_from_codes([CODES], units=3)
    pairs = transitions(CODES)[:64]
    some = dynamics_of(dynamics, [2, 0])
    assert (some.parts[0].visits, some.parts[0].on) == of_states((pairs >> 2 & 1) + 2 * (pairs & 1), units=2)
    halves = merge([counts_of(half, [2, 0]) for half in dynamics.halves])
    assert tuple(as_arrays(some.parts)[0].sum(0)) == halves.visits


def test_parts_of_several_epochs_follow_each_other():
    epochs = [dynamics_from_codes([codes], units=3)[1] for codes in np.split(CODES[:3000], 3)]
    assert merge_dynamics(epochs).parts == tuple(part for epoch in epochs for part in epoch.parts)
    assert merge_dynamics([epochs[0], Dynamics(triples=epochs[1].triples, halves=epochs[1].halves)]).parts == ()
