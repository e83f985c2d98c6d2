"""Writes ``tests/data/tour_repertoires.json.gz``: the repertoires that PyPhi 1.2 gives for the systems of the page's tour.

``python tests/support/tour_repertoires.py`` writes the file anew. For each system in each state it has, for each mechanism and each
purview, the cause and the effect repertoire; a mechanism without nodes is what stands there by chance. Sets of nodes and states are
bit masks, node 0 the lowest bit; repertoires are little-endian.
"""

from __future__ import annotations

import gzip
import json
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from places import DATA

from lightning_iit.phi.pyphi._import import DEFAULTS, configured

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

FILE = DATA / "tour_repertoires.json.gz"
ERROR = 0.05
"""How often a gate errs where the tour begins."""
ALL = [[1] * 3 for _ in range(3)]
OTHERS = [[int(i != j) for j in range(3)] for i in range(3)]
RING = [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
State = tuple[int, int, int]
GATES: dict[str, tuple[Callable[[State], tuple[Any, ...]], list[list[int]]]] = {
    "majority": (lambda s: (sum(s) >= 2,) * 3, ALL),
    "xor": (lambda s: (s[1] ^ s[2], s[0] ^ s[2], s[0] ^ s[1]), OTHERS),
    "mixed": (lambda s: (s[1] | s[2], s[0] & s[2], s[0] ^ s[1]), OTHERS),
    "chain": (lambda s: (s[2], s[0], s[1]), RING),
}
"""The next state of the three nodes if no gate errs, and the connections, ``[from][to]``."""
SYSTEMS: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] = (*((kind, ()) for kind in GATES), ("chain", ((2, 0),)))
"""The systems that the tour shows, and the connections that are cut in them: the chain is a ring without its end."""
STATES: list[State] = [(a, b, c) for c, b, a in product((0, 1), repeat=3)]


def tpm_of(kind: str, error: float = ERROR) -> list[list[float]]:
    """The probability that each node is ON next, after each state."""
    return [[1 - error if on else error for on in GATES[kind][0](state)] for state in STATES]


def connections(kind: str, cut: Collection[tuple[int, int]] = ()) -> list[list[int]]:
    """Which node leads to which, ``[from][to]``, without the connections that are cut."""
    return [[int(there and (i, j) not in cut) for j, there in enumerate(row)] for i, row in enumerate(GATES[kind][1])]


def written(pyphi: Any) -> list[dict[str, Any]]:
    """The repertoires of each system in each state."""
    nodes = [tuple(node for node in range(3) if mask >> node & 1) for mask in range(8)]
    flat = lambda repertoire: [round(float(p), 9) for p in np.ravel(repertoire, order="F")]  # noqa: E731
    found = []
    for kind, cut in SYSTEMS:
        network = pyphi.Network(np.array(tpm_of(kind)), cm=np.array(connections(kind, cut)))
        for at, state in enumerate(STATES):
            system = pyphi.Subsystem(network, state, range(3))
            pairs = [(mechanism, purview) for mechanism in range(8) for purview in range(1, 8)]
            of = lambda make, pairs=pairs: {f"{m} {p}": flat(make(nodes[m], nodes[p])) for m, p in pairs}  # noqa: E731
            sides = {"cause": of(system.cause_repertoire), "effect": of(system.effect_repertoire)}
            found.append({"kind": kind, "cut": cut, "state": at, **sides})
    return found


if __name__ == "__main__":
    with configured(DEFAULTS) as pyphi:
        content = {"source": f"PyPhi {pyphi.__version__}, tests/support/tour_repertoires.py", "systems": written(pyphi)}
    FILE.write_bytes(gzip.compress(json.dumps(content, separators=(",", ":")).encode(), mtime=0))
