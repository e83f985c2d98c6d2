"""The directed bipartitions of a system in PyPhi's order, and the order in which they are tried."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple


class SystemCut(NamedTuple):
    """The connections from ``source`` to ``target`` (masks) are noised; ``position`` is the cut's place in PyPhi's list."""

    position: int
    source: int
    target: int


def _all_cuts(n: int) -> list[tuple[int, int]]:
    full = (1 << n) - 1
    forward = [(part, full ^ part) for part in range(1 << (n - 1))]
    return [*forward, *((target, source) for source, target in reversed(forward))][1:-1]


def _cuts_of_one(n: int) -> list[tuple[int, int]]:
    full = (1 << n) - 1
    forward = [(1 << node, full ^ (1 << node)) for node in range(n)]
    return list(dict.fromkeys([*forward, *((target, source) for source, target in forward)]))


@lru_cache(maxsize=32)
def system_cuts(n: int, kind: Literal["all", "one"]) -> tuple[SystemCut, ...]:
    """The cuts of n nodes, those that leave the fewest mechanisms split first: they cost least and hold the minimum most often.

    Of cuts with equal Φ the one with the smallest position is the answer, as in PyPhi.
    """
    pairs = _all_cuts(n) if kind == "all" else _cuts_of_one(n)
    cuts = [SystemCut(position, source, target) for position, (source, target) in enumerate(pairs)]
    return tuple(sorted(cuts, key=lambda cut: (min(cut.source.bit_count(), cut.target.bit_count()), cut.target.bit_count())))
