"""The maximally irreducible effect of a mechanism, exactly and without trying each partition of each purview.

Effect repertoires are products of the distributions of single nodes, and the Hamming earth mover's distance of two products is the
sum of the distances of the nodes. A partition assigns each purview node to one part of the mechanism, so the better part is
chosen for each node by itself. Where one part of the mechanism is empty, that part must get at least one purview node, and one
node is then the cheapest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.phi.compiling import kernel
from lightning_iit.phi.fast.rounding import round_phi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.subsets import Subsets


@kernel
def _least_distances(mechanism: int, effect: NDArray[np.float64], least: NDArray[np.float64], sums: NDArray[np.float64]) -> None:
    """Writes into ``least[P]`` the distance of the minimum-information partition of the mechanism over P; ``sums`` is scratch."""
    n = effect.shape[1]
    top = 1
    while top * 2 <= mechanism:
        top *= 2
    rest = mechanism ^ top
    least[0] = np.inf
    for node in range(n):
        # one node goes to the empty part of the mechanism; the other purview nodes stay with the whole mechanism at no cost
        alone = abs(effect[mechanism, node] - effect[0, node])
        for purview in range(1 << node):
            least[purview | (1 << node)] = min(least[purview], alone)
    sums[0] = 0.0
    part = rest
    while part > 0:
        for node in range(n):
            whole = effect[mechanism, node]
            lost = min(abs(whole - effect[part, node]), abs(whole - effect[mechanism ^ part, node]))
            for purview in range(1 << node):
                larger = purview | (1 << node)
                sums[larger] = sums[purview] + lost
                least[larger] = min(least[larger], sums[larger])
        part = (part - 1) & rest
    least[0] = 0.0


@kernel
def maximal_effect(mechanism: int, effect: NDArray[np.float64], sets: Subsets, scratch: NDArray[np.float64]) -> tuple[float, int]:
    """Finds the maximally irreducible effect of a mechanism: the effect purview with the largest φ.

    Args:
        mechanism: a mask, not 0.
        effect: ``[2**n, n]``, see :class:`~lightning_iit.phi.fast.repertoires.Repertoires`.
        sets: index tables.
        scratch: ``[2, 2**n]``, overwritten.

    Returns:
        φ, rounded, and the purview (0 where φ is 0). Of purviews with equal φ, the larger one wins, then the earlier one.
    """
    least = scratch[0]
    _least_distances(mechanism, effect, least, scratch[1])
    best, winner = 0.0, 0
    for k in range(1, len(sets.order)):
        purview = sets.order[k]
        phi = round_phi(least[purview])
        if phi > best or (phi == best and phi > 0.0 and sets.size[purview] > sets.size[winner]):
            best, winner = phi, purview
    return best, winner
