"""State codes, transition counts, and their sum over ranks."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_iit.capture.count.transitions import NO_STATE, TransitionCounts, counts_record, pack
from lightning_iit.tpm.counts import merge
from lightning_iit.tpm.parts import as_arrays

# Of so many units the parts of the halves take at most so many bytes, and some more.
MOST_BYTES = 2**23 * 1.01

sizes = st.integers(1, 5)


@given(sizes.flatmap(lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=1, max_size=20)))
def test_unit_0_is_the_least_significant_bit(rows):
    codes = pack(torch.tensor(rows))
    assert codes.dtype == torch.int64
    assert codes.tolist() == [sum(2**unit for unit, bit in enumerate(row) if bit) for row in rows]


def test_a_big_endian_index_would_be_seen():
    assert pack(torch.tensor([[True, False, False], [False, False, True]])).tolist() == [1, 4]


@st.composite
def code_tables(draw):
    n = draw(sizes)
    width = draw(st.integers(0, 12))
    row = st.lists(st.integers(NO_STATE, 2**n - 1), min_size=width, max_size=width)
    return n, draw(st.integers(1, 3)), draw(st.lists(row, min_size=1, max_size=6))


def counted(codes, n, *, lag=1) -> TransitionCounts:
    metric = TransitionCounts(n, lag=lag)
    for part in codes if isinstance(codes, list) else [codes]:
        metric.update(part)
    metric.close()
    return metric


@pytest.mark.parametrize("n", [7, 8])
def test_parts_of_many_units_take_little_memory_and_lose_no_count(n):
    generator = torch.Generator().manual_seed(n)
    steps = [torch.randint(2**n, (1, 9), generator=generator) for _ in range(100)]
    metric = TransitionCounts(n)
    for codes in steps:
        metric.update(codes)
        assert metric._pairs.halves.numel() * 8 <= MOST_BYTES
    metric.close()
    pairs = torch.cat([codes[:, :-1] * 2**n + codes[:, 1:] for codes in steps]).flatten()
    assert torch.equal(metric.joint, torch.bincount(pairs, minlength=4**n))
    assert metric.halves.sum(1).tolist() == pytest.approx([400, 400], rel=0.15)


def of(rows) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.int64)


@settings(deadline=None)
@given(code_tables())
def test_count_equals_a_plain_loop(table):
    n, lag, rows = table
    pairs, triples = Counter(), Counter()
    for row in rows:
        for first, then in zip(row, row[lag:], strict=False):
            if first >= 0 and then >= 0:
                pairs[first * 2**n + then] += 1
        for three in zip(row, row[lag:], row[2 * lag :], strict=False):
            if min(three) >= 0:
                triples[three] += 1
    metric = counted(of(rows), n, lag=lag)
    assert {index: number for index, number in enumerate(metric.compute().tolist()) if number} == dict(pairs)
    assert metric.dynamics().triples == tuple((*three, number) for three, number in sorted(triples.items()))


@settings(deadline=None)
@given(code_tables())
def test_a_record_holds_visits_and_next_on_counts_of_the_joint_counts(table):
    n, _, rows = table
    record = counts_record(counted(of(rows), n).compute())
    assert list(record.joint) == sorted(record.joint)
    assert record.transitions == sum(number for *_, number in record.joint)
    for state in range(2**n):
        after = [(then, number) for first, then, number in record.joint if first == state]
        assert record.visits[state] == sum(number for _, number in after)
        assert record.on[state] == tuple(sum(number for then, number in after if then >> unit & 1) for unit in range(n))


@pytest.mark.parametrize("parts", [1, 2, 3, 64, 65, 300])
def test_halves_are_those_of_a_plain_loop_split_at_the_part_nearest_to_the_middle(parts):
    codes = torch.randint(0, 8, (1, 6001), generator=torch.Generator().manual_seed(parts))
    pieces = list(torch.tensor_split(codes, parts, 1))
    for number in range(1, parts):
        pieces[number] = torch.cat((pieces[number - 1][:, -1:], pieces[number]), 1)
    metric = counted(pieces, 3)
    first, second = metric.dynamics().halves
    assert first.transitions + second.transitions == 6000
    # At worst half of a part is on the wrong side, of which at least 32 are kept apart.
    assert abs(first.transitions - 3000) <= 6000 / 2 / min(2 * parts, 64) + 1
    row = codes[0].tolist()
    pairs = Counter(itertools.pairwise(row))
    early = Counter(list(itertools.pairwise(row))[: first.transitions])
    assert {(a, b): number for a, b, number in first.joint} == early
    assert {(a, b): number for a, b, number in second.joint} == pairs - early
    assert merge((first, second)) == counts_record(metric.compute())


def test_halves_of_sequences_are_the_first_and_the_last_of_them():
    rows = [[0, 1, 1], [1, 0, 0], [1, 1, 1], [0, 0, 0]]
    first, second = counted(of(rows), 1).dynamics().halves
    assert first.joint == ((0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 1))
    assert second.joint == ((0, 0, 2), (1, 1, 2))


def parts_of(metric: TransitionCounts) -> tuple[np.ndarray, np.ndarray]:
    """Visits [part, state] and ONs [part, state, unit]."""
    return as_arrays(metric.dynamics().parts)


@pytest.mark.parametrize("batches", [[200], [3, 40, 1, 100, 56], [1] * 200])
def test_parts_of_sequences_are_whole_sequences_one_after_the_other(batches):
    n, generator = 3, torch.Generator().manual_seed(sum(batches))
    rows = torch.randint(2**n, (200, 13), generator=generator)
    visits, ons = parts_of(metric := counted(list(rows.split(batches)), n))
    assert 33 <= len(visits) <= 64
    whole = counts_record(metric.compute())
    assert visits.sum(0).tolist() == list(whole.visits)
    assert ons.sum(0).tolist() == [list(row) for row in whole.on]
    each = np.array([np.bincount(row[:-1], minlength=2**n) for row in rows.numpy()]).cumsum(0)
    ends = visits.sum(1).cumsum() // 12 - 1  # how many sequences have ended with each part
    assert (visits.sum(1) % 12 == 0).all(), "no sequence is divided"
    assert np.array_equal(each[ends], visits.cumsum(0))
    assert visits.sum(1).max() <= 2 * 2400 / 33 + 12, "parts are about equally long"


@pytest.mark.parametrize("pieces", [1, 7, 300])
def test_parts_of_a_stream_are_stretches_of_it(pieces):
    row = torch.randint(0, 8, (3001,), generator=torch.Generator().manual_seed(pieces))
    metric, tail = TransitionCounts(3), row[:0]
    for piece in torch.tensor_split(row, pieces):
        codes = torch.cat((tail, piece))
        metric.update(codes[None], seen=len(tail), stream=True)
        tail = codes[-2:]
    metric.close()
    visits, ons = parts_of(metric)
    assert 33 <= len(visits) <= 64
    states = row.numpy()
    ends = visits.sum(1).cumsum()
    assert ends[-1] == 3000
    for first, end, here, on in zip([0, *ends[:-1]], ends, visits, ons, strict=True):
        assert here.tolist() == np.bincount(states[first:end], minlength=8).tolist()
        following = (states[first + 1 : end + 1, None] >> np.arange(3)) & 1
        assert on.tolist() == [following[states[first:end] == state].sum(0).tolist() for state in range(8)]


def test_one_sequence_is_one_part_and_its_halves_are_counted_all_the_same():
    metric = counted(torch.randint(0, 8, (1, 1001)), 3)
    assert [part.transitions for part in metric.dynamics().parts] == [1000]
    assert [half.transitions for half in metric.dynamics().halves] == [500, 500]


def test_parts_start_anew_with_each_epoch_and_are_not_counted_of_many_units():
    metric = counted(torch.randint(0, 4, (50, 9)), 2)
    metric.reset()
    metric.update(of([[0, 1, 2]]))
    metric.close()
    assert [part.visits for part in metric.dynamics().parts] == [(1, 1, 0, 0)]
    assert counted(torch.randint(0, 2**7, (50, 9)), 7).dynamics().parts == ()


def test_rows_that_were_counted_before_are_not_counted_twice():
    row = torch.randint(0, 4, (50,), generator=torch.Generator().manual_seed(0))
    for lag in (1, 3):
        metric, tail = TransitionCounts(2, lag=lag), row[:0]
        for piece in torch.split(row, [1, 2, 7, 1, 30, 9]):
            codes = torch.cat((tail, piece))
            metric.update(codes[None], seen=len(tail))
            tail = codes[-2 * lag :]
        metric.close()
        whole = counted(row[None], 2, lag=lag)
        assert torch.equal(metric.compute(), whole.compute())
        assert metric.dynamics().triples == whole.dynamics().triples


def test_what_is_not_counted_of_many_units():
    codes = torch.randint(0, 2**7, (1, 500))
    seven = counted(codes, 7).dynamics()
    assert seven.triples is None
    assert [half.transitions for half in seven.halves] == [249, 250]
    nine = counted(codes, 9)
    assert (nine.dynamics().triples, nine.dynamics().halves) == (None, ())
    assert int(nine.compute().sum()) == 499


def test_metric_adds_up_and_starts_anew():
    metric = TransitionCounts(1)
    metric.update(of([[0, 1, 1]]), left_out=2)
    metric.update(of([[1, 0, NO_STATE, 0]]), left_out=1)
    metric.close()
    assert metric.compute().tolist() == [0, 1, 1, 1]
    assert int(metric.left_out) == 3
    metric.reset()
    metric.update(of([[0, 0]]))
    metric.close()
    assert metric.compute().tolist() == [1, 0, 0, 0]
    assert metric.dynamics().triples == ()


def test_metric_counts_across_inference_mode():
    metric = TransitionCounts(1)
    with torch.inference_mode():
        metric.update(of([[0, 1, 0]]))
    metric.update(of([[0, 1]]))
    metric.close()
    assert metric.compute().tolist() == [0, 2, 1, 0]
    assert metric.dynamics().triples == ((0, 1, 0, 1),)


@pytest.mark.parametrize("n", [1, 3])
def test_nothing_to_count(n):
    for codes in (torch.empty((0, 0), dtype=torch.int64), torch.zeros((5, 1), dtype=torch.int64)):
        metric = counted(codes, n)
        assert metric.compute().tolist() == [0] * 4**n
        assert metric.dynamics().triples == ()
        assert [half.transitions for half in metric.dynamics().halves] == [0, 0]
