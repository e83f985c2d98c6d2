"""The minimum partition of a mechanism and a purview (equations 38 to 44 of Albantakis et al. 2023).

A partition of mechanism and purview leaves each unit of the one side with a block of the other side: each purview node of an effect
with the part of the mechanism that it still depends on, each mechanism node of a cause with the part of the purview. The logarithm
of the lost probability is a sum over these units, and so is the number of severed pairs. So the smallest loss for each number of
severed pairs follows unit by unit, for each set partition of the other side into blocks, without a list of all partitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.phi.compiling import kernel
from lightning_iit.phi.iit4.tolerance import equal_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def size(nodes: int) -> int:
    """Returns the number of nodes in a set."""
    found = 0
    while nodes:
        nodes &= nodes - 1
        found += 1
    return found


@kernel
def fill_losses(
    given: NDArray[np.float64], direction: int, units: int, ons: int, other: int, x: int, loss: NDArray[np.float64]
) -> None:
    """Fills how much the logarithm of each unit's probability falls if only a block of ``other`` is left to it, for each block."""
    for node in range(given.shape[1]):
        if not units >> node & 1:
            continue
        block = other
        while True:
            on = given[direction, node, block, x]
            loss[node, block] = np.log2(on if ons >> node & 1 else 1 - on)
            if block == 0:
                break
            block = (block - 1) & other
        uncut = loss[node, other]
        block = other
        while True:
            loss[node, block] = uncut - loss[node, block]
            if block == 0:
                break
            block = (block - 1) & other


@kernel
def _clear(best: NDArray[np.float64], row: int) -> None:
    """Makes a row of the smallest losses infinite."""
    for pairs in range(best.shape[1]):
        best[row, pairs] = np.inf


@kernel
def _add_unit(
    loss: NDArray[np.float64],
    node: int,
    all_of: int,
    row: int,
    blocks: NDArray[np.int64],
    number: int,
    apart: bool,
    added: int,
    now: int,
    best: NDArray[np.float64],
    same: NDArray[np.float64],
    severed: NDArray[np.int64],
) -> None:
    """Adds a unit to the smallest losses: it may be left with each block, or with none (the last one).

    With ``apart``, units that all had the same block so far are followed by themselves, in ``same`` and ``severed``.
    """
    new = 3 - now
    _clear(best, new)
    for k in range(number + 1):
        block = blocks[row, k] if k < number else 0
        cut, lost = size(all_of) - size(block), loss[node, block]
        for pairs in range(best.shape[1] - cut):
            best[new, pairs + cut] = min(best[new, pairs + cut], best[now, pairs] + lost)
        if apart and added > 0:
            for before in range(number + 1):
                if before != k:
                    at = severed[before] + cut
                    best[new, at] = min(best[new, at], same[0, before] + lost)
    if apart:
        for k in range(number + 1):
            block = blocks[row, k] if k < number else 0
            same[0, k] = (same[0, k] if added else 0.0) + loss[node, block]
            severed[k] = (severed[k] if added else 0) + size(all_of) - size(block)


@kernel
def _number_of(blocks: NDArray[np.int64], row: int) -> int:
    """Returns the number of blocks of a set partition."""
    found = 0
    while found < blocks.shape[1] and blocks[row, found]:
        found += 1
    return found


@kernel
def irreducible(
    loss: NDArray[np.float64],
    units: int,
    other: int,
    is_effect: bool,
    begin: NDArray[np.int64],
    blocks: NDArray[np.int64],
    best: NDArray[np.float64],
    same: NDArray[np.float64],
    severed: NDArray[np.int64],
) -> float:
    """Returns the loss at the minimum partition, per unit of weight.

    A mechanism that stays whole must lose all of its purview: of an effect, ``other`` (the mechanism) is divided; of a cause, the
    units (the mechanism) are not all left with the same block, unless with none.
    """
    n = len(loss)
    _clear(best, 0)
    everything = 0.0
    for node in range(n):
        if units >> node & 1:
            everything += loss[node, 0]
    best[0, size(units) * size(other)] = everything
    for row in range(begin[other], begin[other + 1]):
        number = _number_of(blocks, row)
        if is_effect and number == 1:
            continue
        _clear(best, 1)
        if is_effect:
            best[1, 0] = 0.0
        now, added = 1, 0
        for node in range(n):
            if units >> node & 1:
                _add_unit(loss, node, other, row, blocks, number, not is_effect, added, now, best, same, severed)
                now, added = 3 - now, added + 1
        for pairs in range(best.shape[1]):
            best[0, pairs] = min(best[0, pairs], best[now, pairs])
    return _smallest(best)


@kernel
def _smallest(best: NDArray[np.float64]) -> float:
    """Returns the loss that is smallest per severed pair, and of equal ones the largest."""
    least, found = np.inf, 0.0
    for pairs in range(1, best.shape[1]):
        lost = max(0.0, best[0, pairs])
        if lost == np.inf:
            continue
        normalized = lost / pairs
        if found > 0 and equal_numbers(normalized, least):
            found = max(found, lost)
        elif normalized < least:
            least, found = normalized, lost
    return found
