"""The directed bipartitions of a system, with their places in PyPhi's order, in the order in which the search tries them."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple


class SystemCut(NamedTuple):
    """Holds a directed bipartition: the connections from ``source`` to ``target`` are replaced by noise.

    Args:
        position: the cut's place in PyPhi's order.
        source: the mask of the nodes whose outputs to ``target`` are cut.
        target: the mask of all other nodes.
    """

    position: int
    source: int
    target: int


def _all_cuts(n: int) -> list[tuple[int, int]]:
    """Returns source and target of all directed bipartitions in PyPhi's order."""
    full = (1 << n) - 1
    forward = [(part, full ^ part) for part in range(1 << (n - 1))]
    return [*forward, *((target, source) for source, target in reversed(forward))][1:-1]


def _cuts_of_one(n: int) -> list[tuple[int, int]]:
    """Returns source and target of the directed bipartitions that separate one node, in PyPhi's order."""
    full = (1 << n) - 1
    forward = [(1 << node, full ^ (1 << node)) for node in range(n)]
    return list(dict.fromkeys([*forward, *((target, source) for source, target in forward)]))


@lru_cache(maxsize=32)
def system_cuts(n: int, kind: Literal["all", "one"]) -> tuple[SystemCut, ...]:
    """Returns the cuts of ``n`` nodes in the order of the search: cuts that split the fewest mechanisms come first.

    Such cuts cost least, and the minimum is most often among them. Of cuts with equal Φ, the cut with the smallest ``position`` is
    the minimum, as in PyPhi.

    Args:
        n: the number of nodes.
        kind: "all" directed bipartitions, or "one": only the bipartitions that separate a single node.

    Example:
        >>> system_cuts(2, "all")
        (SystemCut(position=0, source=1, target=2), SystemCut(position=1, source=2, target=1))
    """
    pairs = _all_cuts(n) if kind == "all" else _cuts_of_one(n)
    cuts = [SystemCut(position, source, target) for position, (source, target) in enumerate(pairs)]
    return tuple(sorted(cuts, key=lambda cut: (min(cut.source.bit_count(), cut.target.bit_count()), cut.target.bit_count())))
