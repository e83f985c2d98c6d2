"""Resampling of whole sequences: how far a perturbed TPM would be another one with other data.

All states are set into the same backgrounds, so the errors of a perturbed TPM's rows are common and no row may be drawn by itself.
The backgrounds of one sequence depend on each other, so whole sequences are drawn with replacement (the cluster bootstrap; Davison
and Hinkley 1997, section 3.8). Where there are few sequences, each is cut into blocks of consecutive rows that are drawn in their
place (Carlstein 1986), of length ``R ** (1/3)`` for R rows, the order of length that is best for a variance (Künsch 1989).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from jaxtyping import Float, Int, UInt8

LEAST_SEQUENCES = 20
"""So many sequences (or blocks) are needed; fewer say too little about those that were not observed."""


@dataclass(frozen=True, eq=False)
class NextBits:
    """Holds the next state in each background, for each state that n elements were set into.

    Args:
        packed: ``[2**n, n, ceil(R / 8)]``, whether an element was ON, packed by ``numpy.packbits`` along the R backgrounds.
        sequences: ``[R]``, the id of the sequence of each background, whose rows are in the order of time; None where not known.
        observed: ``[R]``, the index of the state in which the elements were observed in each background.
    """

    packed: UInt8[np.ndarray, "state unit byte"]
    sequences: Int[np.ndarray, " background"] | None
    observed: Int[np.ndarray, " background"]


def resampled_tpms(
    bits: UInt8[np.ndarray, "state unit byte"], sequences: Int[np.ndarray, " background"], resamples: int, *, seed: int = 0
) -> Float[np.ndarray, "resample state unit"] | None:
    """Computes the TPM of each of many resamples of the sequences.

    Which sequences are drawn depends on the seed and on how many there are, not on the bits: the same call for another state, group
    of units or epoch with the same ids draws the same sequences.

    Args:
        bits: the bits of each background, packed as in :class:`NextBits`.
        sequences: the id of the sequence of each background; rows of one sequence are in the order of time.
        resamples: B, how many resamples are drawn.
        seed: the seed of the draws.

    Returns:
        ``[B, 2**n, n]``, the share of the drawn backgrounds after which each element was ON; None where there are fewer than
        ``LEAST_SEQUENCES`` sequences, and fewer blocks within them too.

    Raises:
        InvalidArgumentError: there are not as many ids as the bits have backgrounds.

    Example:
        >>> packed = np.packbits(np.ones((2, 1, 40), dtype=np.uint8), axis=-1)
        >>> resampled_tpms(packed, np.arange(40), 3).shape
        (3, 2, 1)
    """
    if bits.shape[-1] != -(-len(sequences) // 8):
        msg = (
            f"sequences: got {len(sequences)} ids for bits of {8 * bits.shape[-1] - 7} to {8 * bits.shape[-1]} backgrounds; give "
            "the id of the sequence of each background."
        )
        raise InvalidArgumentError(msg)
    clusters = _clusters(sequences)
    if clusters is None:
        return None
    order, starts = clusters
    # The number of ONs within each cluster; the sums are then over clusters only.
    on = np.add.reduceat(np.unpackbits(bits, axis=-1, count=len(order))[..., order], starts, axis=-1, dtype=np.int64)
    sizes = np.diff(np.append(starts, len(order)))
    times = np.random.default_rng(seed).multinomial(len(starts), np.full(len(starts), 1 / len(starts)), size=resamples)
    return np.tensordot(times, on, axes=(1, 2)) / (times @ sizes)[:, None, None]


def _clusters(
    sequences: Int[np.ndarray, " background"],
) -> tuple[Int[np.ndarray, " background"], Int[np.ndarray, " cluster"]] | None:
    """Returns the rows, ordered so that each cluster is one stretch, and where each stretch starts; None for too few clusters."""
    order = np.argsort(sequences, kind="stable")
    _, starts, lengths = np.unique(sequences[order], return_index=True, return_counts=True)
    if len(starts) < LEAST_SEQUENCES:
        block = max(1, round(len(order) ** (1 / 3)))
        starts = np.concatenate([np.arange(start, start + length, block) for start, length in zip(starts, lengths, strict=True)])
    return (order, starts) if len(starts) >= LEAST_SEQUENCES else None
