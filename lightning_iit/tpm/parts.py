"""Resampling of consecutive parts of watched data: how far a counted TPM would be another one with other data.

Transitions that lie close together in the data are alike: those of one sequence or batch, or of a few training steps, between which
the weights changed little. So whole parts are drawn with replacement (the block bootstrap of Carlstein 1986; for sequences the
cluster bootstrap of Davison and Hinkley 1997, section 3.8), and not single transitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.records import Counts
from lightning_iit.tpm.conversion import bits
from lightning_iit.tpm.sequences import LEAST_SEQUENCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Int

MOST_PARTS = 64
"""The data of an epoch are divided into at most so many parts, and into more than half as many where the data allow it."""
LEAST_PARTS = LEAST_SEQUENCES
"""So many parts are needed; fewer say too little about those that were not observed."""
MOST_UNITS_IN_PARTS = 6
"""Parts are counted for at most so many units. Φ of more units takes too long to be computed for many resamples."""


def as_arrays(parts: Sequence[Counts]) -> tuple[Int[np.ndarray, "part state"], Int[np.ndarray, "part state unit"]]:
    """Returns how often each state was visited in each part, and how often each unit was ON after it.

    Args:
        parts: the counts of each part, of the same units; at least one.
    """
    return np.array([part.visits for part in parts]), np.array([part.on for part in parts])


def as_parts(n_visits: Int[np.ndarray, "part state"], ons: Int[np.ndarray, "part state unit"]) -> tuple[Counts, ...]:
    """Makes the counts, without ``joint``, of each part that has a transition.

    Args:
        n_visits: how often each state was visited.
        ons: how often each unit was ON after it.
    """
    return tuple(
        Counts(visits=tuple(times.tolist()), on=tuple(map(tuple, of_units.tolist())), joint=())
        for times, of_units in zip(n_visits, ons, strict=True)
        if times.any()
    )


def consecutive_parts(pairs: Sequence[Int[np.ndarray, "pair 2"]], units: int) -> tuple[Counts, ...]:
    """Divides transitions into consecutive parts; of several sequences each belongs to one part as a whole.

    Args:
        pairs: for each sequence the little-endian index of each transition's first and second state.
        units: the number of units.

    Returns:
        The counts of each part; none for more than ``MOST_UNITS_IN_PARTS`` units.
    """
    lengths = np.array([len(each) for each in pairs], dtype=np.int64)
    total = int(lengths.sum())
    if units > MOST_UNITS_IN_PARTS or not total:
        return ()
    places = np.arange(total) if len(pairs) == 1 else np.repeat(np.cumsum(lengths) - lengths, lengths)
    # The length of a part is a power of two, as in a capture, where parts double until they are few enough.
    part = places >> max((total - 1).bit_length() - MOST_PARTS.bit_length() + 1, 1)
    before, after = np.concatenate(pairs).T
    n_visits = np.zeros((MOST_PARTS, 2**units), dtype=np.int64)
    ons = np.zeros((*n_visits.shape, units), dtype=np.int64)
    np.add.at(n_visits, (part, before), 1)
    np.add.at(ons, (part, before), bits(units)[after])
    return as_parts(n_visits, ons)


def parts_at_once(parts: Sequence[Sequence[Counts]]) -> tuple[Counts, ...]:
    """Adds up the parts of several sources of data that came at the same time, such as two views of each batch.

    Args:
        parts: the parts of each source, in the order of time.

    Returns:
        As many parts as the source with the fewest has, with the counts of all sources.
    """
    fewest = min(map(len, parts), default=0)
    if not fewest:
        return ()
    n_visits, ons = zip(*map(as_arrays, parts), strict=True)
    return as_parts(*(np.sum([_joined(each, fewest) for each in sources], axis=0) for sources in (n_visits, ons)))


def _joined(values: Int[np.ndarray, "part ..."], number: int) -> Int[np.ndarray, "fewer ..."]:
    """Adds up neighbouring parts so that ``number`` are left."""
    return np.add.reduceat(values, np.arange(number) * len(values) // number)


def resampled_parts(parts: Sequence[Counts], draws: int, *, seed: int = 0) -> tuple[Counts, ...]:
    """Draws as many parts as there are, with replacement, and adds up their counts.

    Args:
        parts: the counts of each part; at least one.
        draws: how often all parts are drawn.
        seed: the seed of the draws.

    Returns:
        The counts of each draw, without ``joint``.
    """
    times = np.random.default_rng(seed).multinomial(len(parts), np.full(len(parts), 1 / len(parts)), size=draws)
    return _weighted(parts, times)


def some_parts(parts: Sequence[Counts], share: float, *, number: int = 5, seed: int = 0) -> tuple[Counts, ...]:
    """Draws random subsets of the parts, without replacement within a subset, and adds up the counts of each subset.

    Args:
        parts: the counts of each part; at least one.
        share: the share of the parts in each subset; at least one part is drawn.
        number: how many subsets are drawn.
        seed: the seed of the draws.

    Returns:
        The counts of each subset, without ``joint``.
    """
    rng, size = np.random.default_rng(seed), max(round(share * len(parts)), 1)
    chosen = np.zeros((number, len(parts)), dtype=np.int64)
    for subset in chosen:
        subset[rng.choice(len(parts), size, replace=False)] = 1
    return _weighted(parts, chosen)


def _weighted(parts: Sequence[Counts], times: Int[np.ndarray, "draw part"]) -> tuple[Counts, ...]:
    """Adds up the counts of the parts, each so many times; of each draw that has a transition."""
    n_visits, ons = as_arrays(parts)
    return as_parts(times @ n_visits, np.tensordot(times, ons, axes=1))
