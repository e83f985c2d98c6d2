"""One cut, from its repertoires to its Φ: the kernel that Python calls for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lightning_iit.phi.fast.causes import UNKNOWN
from lightning_iit.phi.fast.compiling import entry
from lightning_iit.phi.fast.mice import Known, Mice, find_mice
from lightning_iit.phi.fast.partitions import Search, new_search
from lightning_iit.phi.fast.repertoires import Repertoires, fill_repertoires, new_repertoires
from lightning_iit.phi.fast.structures import Space, Structure, new_space, structure_distance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lightning_iit.phi.fast.subsets import Subsets
    from lightning_iit.phi.fast.tables import NodeDynamics


class Workspace(NamedTuple):
    """What a thread needs for itself: room for the repertoires under a cut, and its memories."""

    cut: Repertoires
    search: Search
    space: Space


def new_worker(n: int) -> Workspace:
    """A thread's memory for systems of n nodes."""
    return Workspace(new_repertoires(n), new_search(n), new_space(n))


@entry
def evaluate_cut(
    first: int,
    stop: int,
    state: int,
    source: int,
    target: int,
    wanted: NDArray[np.bool_],
    rows: NDArray[np.int64],
    dynamics: NodeDynamics,
    sets: Subsets,
    whole: Repertoires,
    known: Known,
    mice: Mice,
    worker: Workspace,
    bound: float,
) -> float:
    """Finds the causes and effects under a cut of some mechanisms and, when all of them are known, Φ of the cut.

    Between calls for the first and for later mechanisms of a cut its repertoires stay in ``worker.cut``. This is the one entry,
    so that each kernel is compiled once.

    Args:
        first: the first mechanism, a mask, at least 1; if 1, the repertoires are computed.
        stop: the mechanism after the last one; if ``2**n``, Φ is computed.
        state: the current state.
        source: the mask of the nodes whose connections to ``target`` are cut; 0 for the uncut system.
        target: the mask of the nodes at the other end.
        wanted: ``[2**n]``, which mechanisms may have concepts.
        rows: ``[2**n]``, the row of each mechanism in its state.
        dynamics: what each node hears and does.
        sets: index tables.
        whole: the repertoires of the uncut system.
        known: of the uncut system and of causes under cuts; what is learnt is added.
        mice: of this cut; filled in where unknown.
        worker: the thread's own; mutated.
        bound: a Φ above this need not be exact.

    Returns:
        Φ, rounded, or a lower bound of it that exceeds ``bound``; UNKNOWN before the last mechanism and for the uncut system.
    """
    if first == 1:
        fill_repertoires(dynamics, state, source, target, sets, worker.cut)
    find_mice(first, stop, wanted, rows, source, target, whole, worker.cut, sets, worker.search, known, mice)
    if target == 0 or stop < len(rows):
        return UNKNOWN
    structures = Structure(known.mice, whole), Structure(mice, worker.cut)
    return structure_distance(rows, structures[0], structures[1], sets, worker.space, worker.search.transport, bound)
