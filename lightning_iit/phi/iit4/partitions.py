"""All directed set partitions of a system, in compiled code: each one's φ, and which has the smallest.

A partition divides the nodes into parts, and cuts of each part its inputs from the rest, its outputs to the rest, or both.
Connections between parts stay only from parts whose inputs alone are cut, here the sources, to parts whose outputs alone are cut,
the targets. So every different cut is one choice of sources and targets (none, or at least one of each) and one division of the
nodes into parts.

A cut changes a node only through the set of its cut inputs, and φ is the logarithm of a product over the nodes. So each part adds a
number of its own to the φ of cause and effect: one that depends on the part alone, or, for targets, on the part and on which nodes
are sources. The search takes each set of sources, lists its divisions and those of the other nodes, and adds up all pairs of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.phi.compiling import entry, kernel
from lightning_iit.phi.iit4.irreducible import size
from lightning_iit.phi.iit4.tolerance import equal_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

TARGETS = 40
"""In the code of a division, the bits from this one on are the targets; below, each node has four bits: the number of its part."""


def losses(tpm: NDArray[np.float64], base: int, target: int, weight: float) -> NDArray[np.float64]:
    """Computes how much φ each node adds for each set of cut inputs, ``[n, 2**n]`` (equations 17 to 20 of Albantakis et al. 2023).

    Args:
        tpm: the TPM of effects or of causes.
        base: the index of the state whose inputs are cut.
        target: the index of the state whose probability is lost.
        weight: probability or selectivity of the specified state.
    """
    out = np.empty((tpm.shape[1], tpm.shape[0]))
    _lose(tpm, base, target, weight, out)
    return out


@entry
def _lose(tpm: NDArray[np.float64], base: int, target: int, weight: float, out: NDArray[np.float64]) -> None:
    """Fills the losses: each node's probability is averaged over all states of the cut inputs."""
    states, n = tpm.shape
    for node in range(n):
        for moved in range(states):
            on = tpm[base ^ moved, node]
            out[node, moved] = on if target >> node & 1 else 1 - on
        for source in range(n):
            for cut in range(states):
                if cut >> source & 1:
                    out[node, cut] = (out[node, cut] + out[node, cut ^ 1 << source]) / 2
        uncut = np.log2(out[node, 0])
        for cut in range(states):
            out[node, cut] = weight * (uncut - np.log2(out[node, cut]))


@kernel
def _weigh_parts(cause: NDArray[np.float64], effect: NDArray[np.float64], kept: int, kind: int, parts: NDArray[np.float64]) -> None:
    """Fills what each part adds to φ if all inputs from outside but those from ``kept`` are cut."""
    n = len(cause)
    full = (1 << n) - 1
    for part in range(1, full + 1):
        if part & kept:
            continue
        cut = full & ~part & ~kept
        for_cause = for_effect = 0.0
        for node in range(n):
            if part >> node & 1:
                for_cause += cause[node, cut]
                for_effect += effect[node, cut]
        parts[kind, 0, part] = for_cause
        parts[kind, 1, part] = for_effect


@kernel
def _divide(
    nodes: int,
    n: int,
    sources: int,
    kinds: int,
    parts: NDArray[np.float64],
    phis: NDArray[np.float64],
    codes: NDArray[np.int64],
    sums: NDArray[np.float64],
    stack: NDArray[np.int64],
) -> int:
    """Lists all divisions of ``nodes`` into parts, with two kinds of parts those with at least one target; returns their number.

    The part of the lowest node comes first, then that of the lowest node that is left, and so on. Of each depth, ``sums`` has φ of
    cause and effect before it; ``stack`` has the nodes left, those beside the lowest in its part, its kind, severed connections and
    the code.
    """
    found = depth = 0
    sums[0, 0] = sums[0, 1] = 0.0
    stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3], stack[0, 4] = nodes, nodes & (nodes - 1), 0, 0, 0
    while depth >= 0:
        left, beside, kind = stack[depth, 0], stack[depth, 1], stack[depth, 2]
        rest = left & (left - 1)
        if kind == kinds:
            if beside == 0:
                depth -= 1
                continue
            beside, kind = (beside - 1) & rest, 0
            stack[depth, 1] = beside
        stack[depth, 2] = kind + 1
        part = (left ^ rest) | beside
        cause = sums[depth, 0] + parts[kind, 0, part]
        effect = sums[depth, 1] + parts[kind, 1, part]
        inside = size(part)
        severed = stack[depth, 3] + inside * (n - inside - (size(sources) if kind else 0))
        code = stack[depth, 4]
        for node in range(n):
            if part >> node & 1:
                code |= depth << 4 * node
        if kind:
            code |= part << TARGETS
        left ^= part
        if left:
            depth += 1
            sums[depth, 0], sums[depth, 1] = cause, effect
            stack[depth, 0], stack[depth, 1], stack[depth, 2] = left, left & (left - 1), 0
            stack[depth, 3], stack[depth, 4] = severed, code
        elif kinds == 1 or code >> TARGETS:
            phis[found, 0], phis[found, 1], codes[found, 0], codes[found, 1] = cause, effect, severed, code
            found += 1
    return found


@kernel
def _divide_both(
    sources: int,
    cause: NDArray[np.float64],
    effect: NDArray[np.float64],
    parts: NDArray[np.float64],
    phis: NDArray[np.float64],
    codes: NDArray[np.int64],
    other_phis: NDArray[np.float64],
    other_codes: NDArray[np.int64],
    sums: NDArray[np.float64],
    stack: NDArray[np.int64],
) -> tuple[int, int]:
    """Lists the divisions of the sources, and those of the other nodes; returns how many of both there are."""
    n = len(cause)
    full = (1 << n) - 1
    if sources == 0:
        phis[0, 0], phis[0, 1], codes[0, 0], codes[0, 1] = 0.0, 0.0, 0, 0
        return 1, _divide(full, n, 0, 1, parts, other_phis, other_codes, sums, stack)
    divisions = _divide(sources, n, sources, 1, parts, phis, codes, sums, stack)
    _weigh_parts(cause, effect, sources, 1, parts)
    return divisions, _divide(full ^ sources, n, sources, 2, parts, other_phis, other_codes, sums, stack)


@kernel
def _cut_outputs(node: int, n: int, sources: int, code: int, other: int) -> int:
    """Returns the nodes to which the connection from ``node`` is severed."""
    inside = sources >> node & 1
    mine = code if inside else other
    kept = other >> TARGETS if inside else 0
    for one in range(n):
        if (sources >> one & 1) == inside and (mine >> 4 * one & 15) == (mine >> 4 * node & 15):
            kept |= 1 << one
    return ((1 << n) - 1) & ~kept


@kernel
def _has_smaller_matrix(n: int, sources: int, code: int, other: int, counts: NDArray[np.int64]) -> bool:
    """Says whether the matrix of severed connections, read row by row, is smaller than that of the best partition so far."""
    for node in range(n):
        mine = _cut_outputs(node, n, sources, code, other)
        best = _cut_outputs(node, n, counts[0], counts[1], counts[2])
        if mine != best:
            differ = mine ^ best
            return mine & (differ & -differ) == 0
    return False


@kernel
def _compare(
    n: int,
    cause: float,
    effect: float,
    severed: int,
    sources: int,
    code: int,
    other: int,
    numbers: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> None:
    """Takes a partition as the best one, the second-best one, or as a tie of the best one, where it is."""
    phi = max(0.0, min(cause, effect))
    normalized = phi / severed
    better = False
    if counts[5] > 0 and equal_numbers(normalized, numbers[0]):
        numbers[4] = min(numbers[4], normalized)
        counts[4] += 1
        tied = equal_numbers(phi, numbers[1])
        better = _has_smaller_matrix(n, sources, code, other, counts) if tied else phi > numbers[1]
    elif counts[5] == 0 or normalized < numbers[0]:
        numbers[4] = numbers[0] if counts[5] > 0 else np.inf
        counts[4] = 0
        better = True
    elif normalized < numbers[4]:
        numbers[4] = normalized
    if better:
        numbers[0], numbers[1], numbers[2], numbers[3] = normalized, phi, cause, effect
        counts[0], counts[1], counts[2], counts[3] = sources, code, other, severed


@kernel
def _comes_before(
    n: int,
    normalized: float,
    phi: float,
    sources: int,
    code: int,
    other: int,
    numbers: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> bool:
    """Says whether a partition comes before a kept one: smaller normalised φ, then larger φ, then smaller severed matrix."""
    if not equal_numbers(normalized, numbers[0]):
        return bool(normalized < numbers[0])
    if not equal_numbers(phi, numbers[1]):
        return bool(phi > numbers[1])
    return _has_smaller_matrix(n, sources, code, other, counts)


@kernel
def _keep(
    n: int,
    cause: float,
    effect: float,
    severed: int,
    sources: int,
    code: int,
    other: int,
    numbers: NDArray[np.float64],
    counts: NDArray[np.int64],
    kept: int,
) -> int:
    """Puts a partition in its place among the best ones, if it has one; returns how many are kept then."""
    phi = max(0.0, min(cause, effect))
    normalized = phi / severed
    place = kept
    while place > 0 and _comes_before(n, normalized, phi, sources, code, other, numbers[place - 1], counts[place - 1]):
        place -= 1
    if place == len(numbers):
        return kept
    kept = min(kept + 1, len(numbers))
    for row in range(kept - 1, place, -1):
        for column in range(numbers.shape[1]):
            numbers[row, column] = numbers[row - 1, column]
        for column in range(counts.shape[1]):
            counts[row, column] = counts[row - 1, column]
    numbers[place, 0], numbers[place, 1], numbers[place, 2], numbers[place, 3] = normalized, phi, cause, effect
    counts[place, 0], counts[place, 1], counts[place, 2], counts[place, 3] = sources, code, other, severed
    return kept


@entry
def rank_partitions(
    cause: NDArray[np.float64],
    effect: NDArray[np.float64],
    numbers: NDArray[np.float64],
    counts: NDArray[np.int64],
    parts: NDArray[np.float64],
    phis: NDArray[np.float64],
    codes: NDArray[np.int64],
    other_phis: NDArray[np.float64],
    other_codes: NDArray[np.int64],
    sums: NDArray[np.float64],
    stack: NDArray[np.int64],
) -> tuple[int, int]:
    """Looks at every partition and keeps the best ones, in order, as many as ``numbers`` has rows.

    Fills each row of ``numbers`` with normalised φ, φ, and φ of cause and effect; of ``counts`` with sources, codes of both
    divisions and severed connections. Returns how many are kept, and how many partitions there are.
    """
    n = len(cause)
    kept = evaluated = 0
    _weigh_parts(cause, effect, 0, 0, parts)
    for sources in range((1 << n) - 1):
        divisions, others = _divide_both(sources, cause, effect, parts, phis, codes, other_phis, other_codes, sums, stack)
        for i in range(others):
            if sources == 0 and other_codes[i, 0] == 0:  # a single part
                continue
            for j in range(divisions):
                evaluated += 1
                for_cause, for_effect = other_phis[i, 0] + phis[j, 0], other_phis[i, 1] + phis[j, 1]
                severed = other_codes[i, 0] + codes[j, 0]
                if kept < len(numbers) or min(for_cause, for_effect) <= (numbers[kept - 1, 0] + 1e-9) * severed:
                    kept = _keep(n, for_cause, for_effect, severed, sources, codes[j, 1], other_codes[i, 1], numbers, counts, kept)
    return kept, evaluated


@entry
def search_sources(
    first: int,
    stop: int,
    cause: NDArray[np.float64],
    effect: NDArray[np.float64],
    numbers: NDArray[np.float64],
    counts: NDArray[np.int64],
    parts: NDArray[np.float64],
    phis: NDArray[np.float64],
    codes: NDArray[np.int64],
    other_phis: NDArray[np.float64],
    other_codes: NDArray[np.int64],
    sums: NDArray[np.float64],
    stack: NDArray[np.int64],
) -> None:
    """Looks at every partition whose sources, as a mask, are from ``first`` to below ``stop``.

    Fills ``numbers`` with normalised φ, φ, φ of cause and effect of the best partition, and the second-best normalised φ. Fills
    ``counts`` with the sources, the codes of both divisions, severed connections and ties of the best partition, and the number of
    partitions. Both begin with zeros.
    """
    n = len(cause)
    _weigh_parts(cause, effect, 0, 0, parts)
    for sources in range(first, stop):
        divisions, others = _divide_both(sources, cause, effect, parts, phis, codes, other_phis, other_codes, sums, stack)
        for i in range(others):
            if sources == 0 and other_codes[i, 0] == 0:  # a single part
                continue
            for j in range(divisions):
                for_cause, for_effect = other_phis[i, 0] + phis[j, 0], other_phis[i, 1] + phis[j, 1]
                severed = other_codes[i, 0] + codes[j, 0]
                if counts[5] < 2 or min(for_cause, for_effect) <= (numbers[4] + 1e-9) * severed:
                    _compare(n, for_cause, for_effect, severed, sources, codes[j, 1], other_codes[i, 1], numbers, counts)
                counts[5] += 1
