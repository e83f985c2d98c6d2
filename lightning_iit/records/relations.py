"""Relations between distinctions (equations 49 to 59 of Albantakis et al. 2023): sum and number in closed form, and one by one.

An atom is a node in a state. A distinction has the atoms of its cause and of its effect purview. Two or more distinctions with
common atoms are related, and a distinction with an atom in both purviews is related to itself.
"""

from __future__ import annotations

import heapq
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Bound(NamedTuple):
    """Holds what relations see of a distinction; sets of atoms are masks.

    Args:
        phi: φ_d.
        cause: the atoms of the cause purview.
        effect: the atoms of the effect purview.
    """

    phi: float
    cause: int
    effect: int

    @property
    def atoms(self) -> int:
        """Returns the atoms of both purviews."""
        return self.cause | self.effect

    @property
    def share(self) -> float:
        """Returns φ_d for each atom."""
        return self.phi / self.atoms.bit_count()


def atoms(purview: int, state: int, n: int) -> int:
    """Returns the atoms of a purview of n nodes in a state: bit k is node k being ON, bit n + k node k being OFF."""
    return (purview & state) | (purview & ~state) << n


def nodes_of(found: int, n: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the node of each of some atoms, ascending, and its state; a node may be there in both states."""
    pairs = [(node, bit) for node in range(n) for bit in (0, 1) if found >> (node if bit else n + node) & 1]
    return tuple(node for node, _ in pairs), tuple(bit for _, bit in pairs)


def sum_of_relations(distinctions: Sequence[Bound]) -> float:
    """Returns the sum of φ_r over all relations.

    φ_r is the number of common atoms times the smallest share. So each atom adds the smallest share of every set of two or more
    distinctions that have it: a share below m others is the smallest of ``2**m - 1`` sets.
    """
    total = sum((one.cause & one.effect).bit_count() * one.share for one in distinctions)
    ordered = sorted(((one.share, one.atoms) for one in distinctions), reverse=True)
    seen: Counter[int] = Counter()
    for share, found in ordered:
        left = found
        while left:
            atom = left & -left
            total += share * (2 ** seen[atom] - 1)
            seen[atom] += 1
            left ^= atom
    return total


def number_of_relations(distinctions: Sequence[Bound]) -> int:
    """Returns the number of relations: sets of two or more distinctions with a common atom, and distinctions related to themselves.

    Sets with a common atom are those of no empty overlap. So they are counted by their overlap, one distinction after the other.
    """
    overlaps: Counter[int] = Counter()
    single: Counter[int] = Counter()
    for one in distinctions:
        new: Counter[int] = Counter()
        for overlap, number in (overlaps + single).items():
            if overlap & one.atoms:
                new[overlap & one.atoms] += number
        overlaps += new
        single[one.atoms] += 1
    return overlaps.total() + sum(1 for one in distinctions if one.cause & one.effect)


class Found(NamedTuple):
    """Holds a relation.

    Args:
        phi: φ_r.
        members: the positions of its distinctions, ascending.
        overlap: the atoms that it binds.
    """

    phi: float
    members: tuple[int, ...]
    overlap: int


def strongest_first(distinctions: Sequence[Bound]) -> Iterator[Found]:
    """Yields the relations in descending order of φ_r; time and memory grow with the number that is taken, not with all that are.

    A further distinction makes neither the overlap nor the smallest share larger. So each set is reached from the one without its
    distinction of smallest share, whose φ_r is no smaller, and is looked at when that one was the largest of those that are left.
    """
    order = sorted(range(len(distinctions)), key=lambda at: -distinctions[at].share)
    shares, masks = ([getattr(distinctions[at], name) for at in order] for name in ("share", "atoms"))
    # φ_r (for single distinctions what bounds it), the distinctions by their place in ``order``, their overlap, and whether these
    # are a relation of one distinction to itself.
    waiting: list[tuple[float, tuple[int, ...], int, bool]] = [
        (-masks[at].bit_count() * shares[at], (at,), masks[at], False) for at in range(len(order))
    ]
    for place, at in enumerate(order):
        if both := distinctions[at].cause & distinctions[at].effect:
            waiting.append((-both.bit_count() * shares[place], (place,), both, True))
    heapq.heapify(waiting)
    while waiting:
        negative, places, overlap, alone = heapq.heappop(waiting)
        if alone or len(places) > 1:
            yield Found(-negative, tuple(sorted(order[place] for place in places)), overlap)
        if alone:
            continue
        for place in range(places[-1] + 1, len(order)):
            if left := overlap & masks[place]:
                heapq.heappush(waiting, (-left.bit_count() * shares[place], (*places, place), left, False))
