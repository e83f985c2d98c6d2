"""Resampled sequences against a direct computation, and their spread against that of new data."""

from __future__ import annotations

import numpy as np
import pytest

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.tpm.sequences import LEAST_SEQUENCES, resampled_tpms


def random_bits(states: int, n: int, rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (states, n, rows), dtype=np.uint8)


def test_a_resample_is_the_mean_over_the_rows_of_the_sequences_that_are_drawn() -> None:
    rng = np.random.default_rng(1)
    sequences = rng.permutation(np.repeat(np.arange(25) * 7 - 3, rng.integers(1, 9, 25)))
    bits = random_bits(8, 3, len(sequences))
    found = resampled_tpms(np.packbits(bits, axis=-1), sequences, 10, seed=4)
    # The ids are drawn once more, then the rows of each drawn sequence are written one after the other.
    ids = np.unique(sequences)
    times = np.random.default_rng(4).multinomial(len(ids), np.full(len(ids), 1 / len(ids)), size=10)
    assert found.shape == (10, 8, 3)
    for table, drawn in zip(found, times, strict=True):
        rows = np.concatenate(
            [np.flatnonzero(sequences == one) for one, often in zip(ids, drawn, strict=True) for _ in range(often)]
        )
        np.testing.assert_allclose(table, bits[:, :, rows].mean(axis=-1), atol=1e-12)


def test_states_groups_and_epochs_share_the_sequences_that_are_drawn() -> None:
    sequences = np.repeat(np.arange(30), 5)
    one, other = random_bits(4, 2, 150), random_bits(8, 3, 150, seed=5)
    other[5, 1] = one[2, 0]
    first, second = (resampled_tpms(np.packbits(bits, axis=-1), sequences, 20, seed=9) for bits in (one, other))
    np.testing.assert_array_equal(second[:, 5, 1], first[:, 2, 0])
    assert np.ptp(first[:, 2, 0]) > 0
    assert not np.array_equal(first, resampled_tpms(np.packbits(one, axis=-1), sequences, 20, seed=8))


def test_few_sequences_are_cut_into_blocks_of_consecutive_rows() -> None:
    sequences = np.tile(np.arange(3), 72)  # 216 rows, in blocks of 216 ** (1/3) = 6
    bits = random_bits(4, 2, 216)
    found = resampled_tpms(np.packbits(bits, axis=-1), sequences, 7, seed=2)
    blocks = [np.flatnonzero(sequences == one)[start : start + 6] for one in range(3) for start in range(0, 72, 6)]
    times = np.random.default_rng(2).multinomial(len(blocks), np.full(len(blocks), 1 / len(blocks)), size=7)
    for table, drawn in zip(found, times, strict=True):
        rows = np.concatenate([block for block, often in zip(blocks, drawn, strict=True) for _ in range(often)])
        np.testing.assert_allclose(table, bits[:, :, rows].mean(axis=-1), atol=1e-12)


@pytest.mark.parametrize("rows", [1, 40, 60])
def test_too_few_rows_cannot_be_resampled(rows: int) -> None:
    assert resampled_tpms(np.packbits(random_bits(4, 2, rows), axis=-1), np.zeros(rows, dtype=int), 5) is None


def test_as_many_sequences_as_are_needed_are_drawn_whole() -> None:
    bits = np.repeat(random_bits(2, 1, LEAST_SEQUENCES), 10, axis=-1)
    found = resampled_tpms(np.packbits(bits, axis=-1), np.repeat(np.arange(LEAST_SEQUENCES), 10), 50)
    shares = found * LEAST_SEQUENCES
    np.testing.assert_allclose(shares, shares.round(), atol=1e-9)


def test_ids_that_do_not_fit_the_bits_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="got 50 ids for bits of 33 to 40 backgrounds"):
        resampled_tpms(np.packbits(random_bits(2, 1, 40), axis=-1), np.arange(50), 3)


def test_the_spread_is_that_of_new_data_where_the_rows_of_a_sequence_are_alike() -> None:
    rng = np.random.default_rng(3)
    tables = np.repeat(rng.random((400, 50)) < 0.3, 20, axis=1).astype(np.uint8)  # 400 data sets of 50 sequences, each of one value
    of_new_data = tables.mean(axis=1).std()
    spreads = [
        resampled_tpms(np.packbits(data[None, None], axis=-1), np.repeat(np.arange(50), 20), 200).std() for data in tables[:50]
    ]
    assert np.mean(spreads) == pytest.approx(of_new_data, rel=0.12)
